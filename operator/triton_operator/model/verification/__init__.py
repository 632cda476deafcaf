"""How far a converted model agrees with the one that it was made from."""
