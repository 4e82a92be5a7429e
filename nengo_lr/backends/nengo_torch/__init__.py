"""Run the learning rules' operators on PyTorch's tensors."""

from nengo_lr.backends.nengo_torch.host import NengoTorch

HOST = NengoTorch
