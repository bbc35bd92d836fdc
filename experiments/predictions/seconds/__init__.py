"""Expected seconds of a run, from a latency of its calls: of searches, and of programs of calls."""

from experiments.predictions.seconds.programs import predict_program_seconds, second_prices
from experiments.predictions.seconds.searches import predict_seconds, same_chunk, width_of, width_varies

__all__ = ["predict_program_seconds", "predict_seconds", "same_chunk", "second_prices", "width_of", "width_varies"]
