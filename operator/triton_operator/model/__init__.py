"""What a model is: fetch its files, check their digest, read its facts. Runs inside Jobs."""
