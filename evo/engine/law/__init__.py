"""The engine `law`: an exact jump chain, from one improvement to the next, over many runs at once.

A run waits a geometric number of generations for its next improvement, and then draws what it is; so it costs a draw or
two an improvement, however long the wait is. What one offspring may do is taken from the mutator's declared law, by the
functions of `evo.theory.calls.gains` that the predictions are made from, too.
"""
