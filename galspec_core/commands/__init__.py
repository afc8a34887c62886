"""One file a command of galspec; cli.py names them."""
