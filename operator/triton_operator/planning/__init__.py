"""Spec + model facts + pool facts -> a plan per pool, with a reason for every choice. Pure."""
