"""The shell: watch, queue, apply. And one pure reconcile per kind, which the shell calls."""
