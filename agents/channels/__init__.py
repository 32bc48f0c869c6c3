"""What vehicles share. Only names here: whoever lists them loads no model; the classes are in `build`."""

CHANNEL_NAMES = ("silent", "observation", "latent")  # in the order in which tables show them
# What the latent channel really sends: "true", or a control.
PAYLOADS = ("true", "twin", "empty", "random", "other")
# Names of ways to send a latent message that are no KV codecs; `transfer` says what they do.
TRANSFERS = ("recompute", "recompute-half", "recompute-replay", "auto")
