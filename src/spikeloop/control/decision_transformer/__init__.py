"""Decision transformers, spiking and plain, on tasks of Gymnasium."""
