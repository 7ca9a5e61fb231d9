"""`rafiki`: an operator's command, on the contracts of the operator listener and nothing else."""
