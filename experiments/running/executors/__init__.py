"""Where the tasks of a grid are run: in this process, in processes of this machine, or on many machines."""
