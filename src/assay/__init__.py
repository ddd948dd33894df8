"""The whole life of a machine-learning model, in which every verdict carries its guarantee."""

__version__ = "0.1.0"
