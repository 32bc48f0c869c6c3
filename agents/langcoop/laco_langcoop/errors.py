"""What goes wrong and can be mended by whoever runs the evaluation."""


class LacoError(Exception):
    """Said in one line."""
