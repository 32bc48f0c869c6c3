"""Names of the codecs, in the order of their list; here, so that listing them loads no torch.

What each does is said in its own file of `laco.comm.codecs`, its bytes in docs/wire.md, its figures in docs/codecs.md.
"""

CODEC_NAMES = (
    "fp32",
    "fp16",
    "fp8",
    "int8",
    "int4",
    "int2",
    "fast",
    "entropy",
    "transform",
    "transform-coarse",
    "zstd",
)
