"""What other simulators need: one folder for each, named after its package.

Each folder holds a subclass of `.builder.hosts.Host` as ``HOST``. To import the folder
does not import the simulator.
"""
