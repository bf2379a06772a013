"""What is deployed keeps our own rules and proves its own network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[3] / "deploy"
TEMPLATE = ["template", "thwart", str(DEPLOY / "chart"), "-n", "thwart", "--kube-version", "1.31.0"]
DIGEST = f"image.digest=sha256:{'0' * 64}"
PLAIN = ["--set", DIGEST, "--set", "createNamespace=true", "--set", "authority.secret=thwart-admission-authority"]


def thwart(*words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "thwart", *words], input=text, capture_output=True, text=True, check=False, cwd=DEPLOY
    )


def test_the_image_and_the_manifests_break_no_rule() -> None:
    done = thwart("check", "Dockerfile", "manifests", "--fail-on", "negligible")
    assert done.returncode == 0, done.stdout
    assert "no findings" in done.stdout


def test_the_webhooks_network_holds() -> None:
    done = thwart("net", "verify", "--intents", "intents.yaml", "manifests")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 intents: 5 hold" in done.stdout


@pytest.fixture
def helm() -> str:
    found = os.environ.get("THWART_TEST_HELM") or shutil.which("helm")
    if not found:
        pytest.skip("neither is helm on the PATH nor named by THWART_TEST_HELM")
    return found


def rendered(helm: str, *words: str) -> str:
    return subprocess.run([helm, *TEMPLATE, *PLAIN, *words], capture_output=True, text=True, check=True).stdout


def test_the_plain_manifests_are_the_charts(helm: str) -> None:
    found = rendered(helm, "--set", "authority.certificate=CABUNDLE")
    assert found == (DEPLOY / "manifests" / "thwart-admission.yaml").read_text()


def test_a_service_monitor_is_made_where_the_cluster_knows_the_kind(helm: str) -> None:
    certificate = ("--set", "authority.certificate=CABUNDLE")
    assert "ServiceMonitor" not in rendered(helm, *certificate)
    assert "kind: ServiceMonitor" in rendered(helm, *certificate, "--api-versions", "monitoring.coreos.com/v1")


def test_the_chart_says_that_it_needs_a_digest(helm: str) -> None:
    done = subprocess.run([helm, *TEMPLATE], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "image.digest is not set: name the image that shall run" in done.stderr


def test_the_chart_keeps_the_rules_with_everything_switched_on(helm: str) -> None:
    found = rendered(
        helm, "--set", "authority.certificate=x", "--set-json", 'pullSecretsOf=[{"namespace":"shop","secrets":["registry"]}]',
        "--set", "trust.trust\\.toml=x", "--set", "bootstrapUntil=2027-01-01T00:00:00Z", "--set", "dryRun=true",
    )  # fmt: skip
    done = thwart("check", "-", "--fail-on", "negligible", text=found)
    assert done.returncode == 0, done.stdout
