"""Nengo's own tests of PES, run with ScheduledPES in its place on each simulator."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SIMULATORS = {
    "nengo": "nengo_simulator=nengo.Simulator",
    "nengo_dl": "nengo_simloader=nengo_plugin.load_nengo_dl",
    "nengo_torch": "nengo_simloader=nengo_plugin.load_nengo_torch",
}

FAIL_WITH_PES = {
    # a filter Lowpass(0), and a slice of an ensemble that is connected to itself
    "nengo_torch": {"test_pes_synapse[0]", "test_pes_recurrent_slice[True]"},
}
"""Tests that a simulator fails with plain PES, too."""


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_nengo_tests_of_pes(simulator):
    pytest.importorskip(simulator)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "nengo_plugin"]
    command += ["-o", "addopts=", "-o", "filterwarnings=ignore"]
    command += ["-o", SIMULATORS[simulator], "-o", "nengo_neurons=nengo.LIF"]
    # test_probeable: besides PES's probeables the rule has learning_rate
    # RLS, Voja and the rest know nothing of PES
    command += ["-k", "(pes or PES or frozen or slicing or null_error or post_error"]
    command[-1] += " or high_learning_rate or learningrule_attr) and not voja"
    command += ["--pyargs", "nengo.tests.test_learning_rules"]
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    result = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    failed = set(re.findall(r"^FAILED .*?::(\S+)", result.stdout, re.MULTILINE))
    assert failed == FAIL_WITH_PES.get(simulator, set()), result.stdout + result.stderr
    assert result.returncode == bool(failed), result.stdout + result.stderr
    passed = int(re.search(r"(\d+) passed", result.stdout).group(1))
    assert passed >= 24, result.stdout
