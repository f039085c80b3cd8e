"""One thread, so that the tests of a shared machine don't hinder each other."""

import torch

torch.set_num_threads(1)
