"""Objects in manifests, the pods that they make, and the containers of those."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from thwart.lib.documents import DocumentError
from thwart.lib.yaml_positions import YamlMap
from thwart.rules._view import Pointer, View

if TYPE_CHECKING:
    from thwart.rules import Source
    from thwart.rules.kubernetes._schema import Mistake

_MOST_REPEATED = 20  # keys of one mapping that are told
_LONGEST = 100  # of a name, in a message
_WHERE: dict[str, tuple[str, ...]] = {  # where a kind keeps the template of its pods
    "Pod": (),
    "PodTemplate": ("template",),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
_KNATIVE = "serving.knative.dev/"  # whose Revision is a pod without its metadata
_TEMPLATES = (  # where it is in any other kind: workloads of the API and of operators
    ("spec", "template"),
    ("spec", "jobTemplate", "spec", "template"),
    ("spec", "podTemplate"),
    ("spec", "template", "template"),
    ("template",),
)
_ENDLESS = frozenset(
    {
        *("Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController"),
        *("DeploymentConfig", "Rollout"),
    }
)
_KINDS = (
    ("initContainers", "init container"),
    ("containers", "container"),
    ("ephemeralContainers", "ephemeral container"),
)


class Object(View):
    """One object: what `apiVersion`, `kind` and `metadata` make it."""

    __slots__ = ("_mistakes", "api", "document", "kind", "minor", "name", "partial")

    def __init__(self, node: object, pointer: Pointer, document: int, api: str, kind: str, minor: int) -> None:
        super().__init__(node, pointer)
        self.minor = minor  # of Kubernetes' version
        self.document = document
        self.api = api
        self.kind = kind
        namespace, name = self.namespace, self.text("metadata", "name") or self.text("metadata", "generateName")
        whole = f"{namespace}/{name}" if namespace and name else name
        self.name = f"{kind} {whole}".rstrip()[:_LONGEST]
        self.partial = False
        self._mistakes: list[Mistake] | None = None

    @property
    def mistakes(self) -> list[Mistake]:
        """What is wrong with it by the schema of its kind; worked out once for the rules that ask."""
        if self._mistakes is None:
            from thwart.rules.kubernetes._schema import mistakes

            self._mistakes = mistakes(self.node, self.pointer, self.api, self.kind, self.minor)
        return self._mistakes

    @property
    def namespace(self) -> str:
        """The namespace that it states; empty where it leaves that to whoever applies it."""
        return self.text("metadata", "namespace")


class Container(View):
    """A container of a pod. `kind` is the list that it stands in: `containers`, `initContainers`, `ephemeralContainers`."""

    __slots__ = ("_part", "kind", "name", "pod")

    def __init__(self, node: object, pointer: Pointer, kind: str, word: str, pod: Pod) -> None:
        super().__init__(node, pointer)
        self.kind = kind
        self.pod = pod
        self.name = self.text("name")
        index = pointer[-1]
        number = index + 1 if isinstance(index, int) else index
        self._part = f"{word} {self.name[:_LONGEST] or number}"

    @property
    def part(self) -> str:
        """`container web`."""
        return self._part

    @property
    def long_running(self) -> bool:
        """Whether it runs as long as the pod: an ordinary container, or one of the init containers that restart always."""
        return self.kind == "containers" or (self.kind == "initContainers" and self.text("restartPolicy") == "Always")


class Pod(View):
    """A pod, or the template of pods in a workload: a view with `metadata` and `spec`. `minor` is Kubernetes' version."""

    __slots__ = ("containers", "minor", "object", "spec")

    def __init__(self, node: object, pointer: Pointer, owner: Object) -> None:
        super().__init__(node, pointer)
        self.object = owner
        self.minor = owner.minor
        self.spec = self.under("spec")
        self.containers = [
            Container(one, (*self.spec.pointer, kind, index), kind, word, self)
            for kind, word in _KINDS
            for index, one in enumerate(self.spec.values(kind))
        ]

    @property
    def name(self) -> str:
        """What a reader calls it: the object that it belongs to."""
        return self.object.name

    @property
    def document(self) -> int:
        """The object's document."""
        return self.object.document

    @property
    def partial(self) -> bool:
        """Whether none of its containers has an image, without which there is no pod: a patch of a kustomization.

        A patch has no selector either: what chooses the pods of a workload cannot be changed.
        """
        makes = bool(self.containers) or self.pointer != self.object.pointer
        imageless = makes and not any(one.has("image") for one in self.containers)
        return self.object.partial or (imageless and not self.object.has("spec", "selector"))

    @property
    def images(self) -> list[str]:
        """The images of its containers and of its volumes."""
        mounted = (one.text("image", "reference") for one in self.spec.entries("volumes"))
        return [name for name in (*(one.text("image") for one in self.containers), *mounted) if name]

    @property
    def endless(self) -> bool:
        """Whether its containers are to run for ever: not those of jobs, and of pods that say that they end."""
        return self.object.kind in _ENDLESS and self.spec.text("restartPolicy") in ("", "Always")

    @property
    def windows(self) -> bool:
        """Whether it says that it is for Windows, which rules on Linux do not concern (from 1.25 on)."""
        return self.minor >= 25 and self.spec.text("os", "name") == "windows"

    @property
    def user_namespace(self) -> bool:
        """Whether its root is nobody on the host: `hostUsers: false`."""
        return self.spec.flag("hostUsers") is False


def objects(source: Source, minor: int) -> Iterator[Object]:
    """The objects of a file, those of lists one by one.

    Raises:
        DocumentError: the file looks like manifests, or is binary, and cannot be parsed.
    """
    try:
        documents = source.values()
    except DocumentError:
        if b"kind:" in source.data or b'"kind"' in source.data or b"\0" in source.data:
            raise
        return
    for index, value in enumerate(documents):
        left: list[tuple[object, Pointer, str, str]] = [(value, (), "", "")]
        while left:
            node, pointer, kind, api = left.pop()
            if not isinstance(node, dict):
                continue
            view = View(node)
            kind, api = view.text("kind") or kind, view.text("apiVersion") or api
            items = node.get("items")
            if kind.endswith("List") and isinstance(items, list):
                below = kind.removesuffix("List")
                left += [
                    (one, (*pointer, "items", number), below, api) for number, one in reversed([*enumerate(items)])
                ]
            elif kind and api:
                one = Object(node, pointer, index, api, kind, minor)
                one.partial = source.template
                yield one


def repeated(source: Source) -> Iterator[tuple[str, int]]:
    """Keys that a mapping gives more than once, with the line of each repetition; of documents that are objects."""
    left: list[object] = [
        one for one in _documents(source) if isinstance(one, YamlMap) and one.repeats and "kind" in one
    ]
    seen: set[int] = set()
    while left:
        node = left.pop()
        if id(node) in seen:  # an alias
            continue
        seen.add(id(node))
        if isinstance(node, YamlMap):
            yield from ((str(key), place.line) for key, place in node.repeated[:_MOST_REPEATED])
            left += [one for one in node.values() if isinstance(one, dict | list)]
        elif isinstance(node, list):
            left += [one for one in node if isinstance(one, dict | list)]


def _documents(source: Source) -> tuple[object, ...]:
    try:
        return source.values()
    except DocumentError:
        return ()


def pods(one: Object) -> Iterator[Pod]:
    """The pod that an object is, or the template of those that it makes; kinds that make none have none."""
    steps = () if one.kind == "Revision" and one.api.startswith(_KNATIVE) else _WHERE.get(one.kind)
    if steps is None:
        usual = ("spec", "template") if one.kind in _ENDLESS or one.kind == "Job" else None
        steps = next((path for path in _TEMPLATES if one.has(*path, "spec", "containers")), usual)
    if steps is not None and isinstance(one.at(*steps, "spec"), dict):
        yield Pod(one.at(*steps), (*one.pointer, *steps), one)
