"""Making a model's table for the `transform` codec, and judging codecs by what they change in its predictions."""
