"""Run `.ScheduledPES` on OpenCL's devices."""

from nengo_lr.backends.nengo_ocl.host import NengoOCL

HOST = NengoOCL
