class EnsembleError(RuntimeError):
    pass
