"""What LangCoop, V2Xverse and CoLMDriver call a leaderboard: CARLA's, with one agent for all egos. Python 3.7-clean."""
