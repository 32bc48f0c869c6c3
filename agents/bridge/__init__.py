"""`laco agent --wire langcoop`: vehicles of other evaluators, and how their servers keep step (docs/bridge.md).

`wire` is what travels, `views` turns it into observations, `book` keeps what peers announce, `seat` is one vehicle in a
run, `council` all vehicles of a run, `prompts` LangCoop's own, `serve` the loop.
"""
