"""LACO inside LangCoop and its neighbours: their evaluator drives, our servers think, one table says what came of it.

Nothing of theirs is imported here: their code runs in their interpreter (`interpreter`, `evaluation`), ours in ours.
"""
