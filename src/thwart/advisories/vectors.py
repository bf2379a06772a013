"""CVSS vectors as they are stored: base metrics in their usual order shrink to their letters."""

from __future__ import annotations

from thwart.core.advisory import Score, Severity

_V2 = ("AV", "AC", "Au", "C", "I", "A")
_V3 = ("AV", "AC", "PR", "UI", "S", "C", "I", "A")
_V4 = ("AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA")

# code -> (system, prefix, metrics)
_FORMS = {
    "1": ("CVSS_V3", "CVSS:3.1/", _V3),
    "0": ("CVSS_V3", "CVSS:3.0/", _V3),
    "2": ("CVSS_V2", "", _V2),
    "4": ("CVSS_V4", "CVSS:4.0/", _V4),
}
_UNKNOWN_SYSTEM = "CVSS"


def pack(system: str, vector: str) -> str:
    """Short form of a vector or word; `unpack` gives back exactly what went in."""
    if system == "word":
        return f"w{vector}"
    for code, (of, prefix, metrics) in _FORMS.items():
        if of == system and vector.startswith(prefix):
            parts = vector[len(prefix) :].split("/")
            if len(parts) == len(metrics) and all(
                len(part) == len(name) + 2 and part.startswith(f"{name}:")
                for name, part in zip(metrics, parts, strict=True)
            ):
                return code + "".join(part[-1] for part in parts)
    return f"x{system} {vector}"


def unpack(packed: str) -> tuple[str, str]:
    """System and vector (or word) of a short form."""
    code, rest = packed[:1], packed[1:]
    form = _FORMS.get(code)
    if form is not None:
        system, prefix, metrics = form
        return system, prefix + "/".join(f"{name}:{value}" for name, value in zip(metrics, rest, strict=False))
    if code == "w":
        return "word", rest
    system, _, vector = rest.partition(" ")
    return system or _UNKNOWN_SYSTEM, vector


def rating(score: float) -> Severity:
    """Severity of a base score: CVSS v3.1 section 5, v4.0 section 6; NVD uses the same words for v2 up to high."""
    if score < 0:
        return Severity.UNKNOWN
    if score < 0.1:
        return Severity.NEGLIGIBLE
    if score < 4.0:
        return Severity.LOW
    if score < 7.0:
        return Severity.MEDIUM
    return Severity.HIGH if score < 9.0 else Severity.CRITICAL


def severity_of(system: str, vector: str, score: float) -> Severity:
    """Severity of a statement: of the word, or of the base score (v2 knows no `critical`)."""
    if system == "word":
        return Severity.of(vector)
    severity = rating(score)
    return min(severity, Severity.HIGH) if system == "CVSS_V2" else severity


def score_of(source: str, packed: str, score: str) -> Score:
    """The `Score` of a stored triple; an empty score is -1."""
    system, vector = unpack(packed)
    value = float(score) if score else -1.0
    return Score(source, system, vector, value, severity_of(system, vector, value))
