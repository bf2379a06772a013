"""A tree of documents as large organisations have them, made from a seed: the same bytes every time.

Most documents are ordinary; of every kind a share has the flaws that real ones have. Nothing in it is anybody's.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

APPS = ("web", "api", "worker", "billing", "search", "mail", "auth", "cart", "stock", "report", "queue", "feed")
DATABASES = ("postgres:16.4", "redis:7.4", "mysql:8.4", "rabbitmq:3.13", "mongo:7.0", "memcached:1.6")
DIGEST = "sha256:" + "0123456789abcdef" * 4
BASES = {
    "node": ("node:22.9-bookworm-slim", "node:20", "node:22-alpine3.20"),
    "python": ("python:3.12-slim-bookworm", "python:3.11", "python:3.12-alpine"),
    "go": ("golang:1.23-bookworm", "golang:1.22", "golang:1.23-alpine"),
    "java": ("eclipse-temurin:21-jre", "eclipse-temurin:17", "maven:3.9-eclipse-temurin-21"),
    "debian": ("debian:bookworm-slim", "ubuntu:24.04", "debian:11"),
}
TOOLS = (
    "curl",
    "git",
    "build-essential",
    "libpq-dev",
    "ca-certificates",
    "unzip",
    "vim",
    "jq",
    "gnupg",
    "make",
    "tini",
)


class Maker:
    """Writes documents; every choice comes from one generator."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = root
        self.chance = random.Random(seed)

    def often(self, share: float) -> bool:
        return self.chance.random() < share

    def some(self, words: tuple[str, ...], most: int) -> list[str]:
        return self.chance.sample(words, self.chance.randint(1, most))

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def base(self, language: str) -> str:
        image = self.chance.choice(BASES[language])
        return f"{image}@{DIGEST}" if self.often(0.3) else f"{image.split(':')[0]}:latest" if self.often(0.1) else image

    def dockerfile(self) -> str:
        language = self.chance.choice((*BASES,))
        head = ["# syntax=docker/dockerfile:1"] if self.often(0.4) else []
        head += ["ARG VERSION=1.0"] if self.often(0.3) else []
        lines = [*head, f"FROM {self.base(language)}" + (" AS build" if self.often(0.7) else "")]
        lines += [f'LABEL org.opencontainers.image.title="{self.chance.choice(APPS)}"', "WORKDIR /src"]
        lines += [*self.packages(), *self.build(language)]
        if lines[len(head)].endswith(" AS build"):
            lines += ["", f"FROM {self.base(language)}", "WORKDIR /app", "COPY --from=build /src/out /app/"]
        return "\n".join([*lines, *self.ending(language), ""])

    def packages(self) -> list[str]:
        tools = self.some(TOOLS, 7)
        if self.often(0.3):
            return [f"RUN apk add --no-cache {' '.join(tools)}"]
        listed = " \\\n        ".join(tools)
        recommends = " --no-install-recommends" if self.often(0.6) else ""
        clean = " \\\n    && rm -rf /var/lib/apt/lists/*" if self.often(0.7) else ""
        return [f"RUN apt-get update \\\n    && apt-get install -y{recommends} \\\n        {listed}{clean}"]

    def build(self, language: str) -> list[str]:
        if self.often(0.08):
            return ["RUN curl -sSL https://get.example.test/install.sh | sh", "ADD https://example.test/a.tar.gz /src/"]
        return {
            "node": [
                "COPY package.json package-lock.json ./",
                "RUN npm ci --omit=dev && npm cache clean --force",
                "COPY . .",
            ],
            "python": ["COPY requirements.txt .", "RUN pip install --no-cache-dir -r requirements.txt", "COPY . ."],
            "go": [
                "COPY go.mod go.sum ./",
                "RUN --mount=type=cache,target=/go/pkg/mod go mod download",
                "COPY . .",
                'RUN set -eu; for arch in amd64 arm64; do \\\n      GOARCH="$arch" go build -o "out/app-$arch" ./cmd/app || exit 1; \\\n    done',
            ],
            "java": ["COPY pom.xml .", "RUN mvn -B dependency:go-offline", "COPY src ./src", "RUN mvn -B package"],
            "debian": [
                "RUN <<EOF",
                "set -eu",
                'echo "deb here" > /etc/note',
                "chmod 755 /etc/note",
                "EOF",
                "COPY . /src",
            ],
        }[language]

    def ending(self, language: str) -> list[str]:
        told = [f"ENV PORT={self.chance.choice((80, 3000, 8080))} LANG=C.UTF-8"]
        told += ["ENV API_TOKEN=a1b2c3d4e5f6"] if self.often(0.05) else []
        if self.often(0.65):
            told += ["RUN groupadd -r app && useradd -r -g app -u 10001 app", "USER 10001:10001"]
        told += ["EXPOSE 8080"]
        told += (
            ["HEALTHCHECK --interval=30s CMD wget -qO- http://localhost:8080/health || exit 1"]
            if self.often(0.4)
            else []
        )
        return [*told, f'ENTRYPOINT ["/app/{language}"]' if self.often(0.8) else f"CMD /app/{language} --serve"]

    def container(self, name: str) -> list[str]:
        tag = "latest" if self.often(0.1) else f"1.{self.chance.randint(0, 30)}.{self.chance.randint(0, 9)}"
        digest = f"@{DIGEST}" if self.often(0.25) else ""
        lines = [
            f"- name: {name}",
            f"  image: registry.example.test/{name}:{tag}{digest}",
            "  ports:",
            "  - containerPort: 8080",
        ]
        lines += ["  env:", "  - name: LOG_LEVEL", "    value: info", "  - name: DB_HOST", "    valueFrom:"]
        lines += ["      configMapKeyRef:", f"        name: {name}-settings", "        key: host"]
        if self.often(0.75):
            lines += ["  resources:", "    requests:", "      cpu: 100m", "      memory: 128Mi"]
            lines += ["    limits:", "      memory: 256Mi"] if self.often(0.8) else []
        if self.often(0.7):
            lines += ["  livenessProbe:", "    httpGet:", "      path: /live", "      port: 8080", "  readinessProbe:"]
            lines += ["    httpGet:", "      path: /ready", "      port: 8080"]
        if self.often(0.55):
            lines += ["  securityContext:", "    runAsNonRoot: true", "    allowPrivilegeEscalation: false"]
            lines += ["    readOnlyRootFilesystem: true", "    capabilities:", "      drop:", "      - ALL"]
            lines += ["    seccompProfile:", "      type: RuntimeDefault"]
        elif self.often(0.08):
            lines += ["  securityContext:", "    privileged: true"]
        return [*lines, "  volumeMounts:", "  - name: work", "    mountPath: /work"]

    def pod(self, name: str) -> list[str]:
        lines = ["serviceAccountName: " + name, "automountServiceAccountToken: false"] if self.often(0.5) else []
        lines += ["hostNetwork: true"] if self.often(0.04) else []
        lines += ["containers:", *self.container(name)]
        lines += self.container("proxy") if self.often(0.25) else []
        lines += ["volumes:", "- name: work", "  emptyDir: {}"]
        return (
            [*lines, "- name: socket", "  hostPath:", "    path: /var/run/docker.sock"] if self.often(0.03) else lines
        )

    def manifest(self, number: int) -> str:
        """One to four objects of what a service is made of."""
        name = f"{self.chance.choice(APPS)}-{number}"
        kinds = {
            "deployment": 34,
            "service": 20,
            "configmap": 12,
            "cronjob": 6,
            "statefulset": 6,
            "daemonset": 4,
            "role": 6,
            "ingress": 5,
            "networkpolicy": 4,
            "account": 5,
            "crd": 5,
        }
        chosen = self.chance.choices((*kinds,), (*kinds.values(),), k=self.chance.choice((1, 1, 2, 3)))
        return "---\n".join("\n".join([*self.object(kind, name), ""]) for kind in chosen)

    def object(self, kind: str, name: str) -> list[str]:
        if kind in ("deployment", "statefulset", "daemonset"):
            return self.workload(
                {"deployment": "Deployment", "statefulset": "StatefulSet"}.get(kind, "DaemonSet"), name
            )
        if kind == "cronjob":
            pod = indented([*self.pod(name), "restartPolicy: OnFailure"], 10)
            job = ['  schedule: "*/5 * * * *"', "  jobTemplate:", "    spec:", "      template:", "        spec:"]
            return [*meta("batch/v1", "CronJob", name), "spec:", *job, *pod]
        if kind == "role" and self.often(0.15):
            rule = ["rules:", '- apiGroups: ["*"]', '  resources: ["*"]', '  verbs: ["*"]']
        else:
            rule = ["rules:", '- apiGroups: [""]', "  resources: [configmaps]", "  verbs: [get, list]"]
        others = {
            "service": (
                "v1",
                "Service",
                ["spec:", f"  selector: {{app: {name}}}", "  ports:", "  - port: 80", "    targetPort: 8080"],
            ),
            "configmap": (
                "v1",
                "ConfigMap",
                ["data:", *(f"  KEY_{n}: value-{n}" for n in range(self.chance.randint(3, 40)))],
            ),
            "role": ("rbac.authorization.k8s.io/v1", "Role", rule),
            "ingress": ("networking.k8s.io/v1", "Ingress", ingress(name, tls=self.often(0.7))),
            "networkpolicy": (
                "networking.k8s.io/v1",
                "NetworkPolicy",
                ["spec:", "  podSelector: {}", "  policyTypes: [Ingress]"],
            ),
            "account": ("v1", "ServiceAccount", ["automountServiceAccountToken: false"]),
            "crd": (
                "example.test/v1",
                "Widget",
                ["spec:", *(f"  field{n}: {{size: {n}, mode: auto}}" for n in range(12))],
            ),
        }
        version, title, body = others[kind]
        return [*meta(version, title, name), *body]

    def workload(self, kind: str, name: str) -> list[str]:
        body = ["spec:", "  selector:", "    matchLabels:", f"      app: {name}"]
        body += ["  serviceName: " + name] if kind == "StatefulSet" else []
        body += [f"  replicas: {self.chance.randint(1, 5)}"] if kind != "DaemonSet" else []
        body += ["  template:", "    metadata:", "      labels:", f"        app: {name}", "    spec:"]
        return [*meta("apps/v1", kind, name), *body, *indented(self.pod(name), 6)]

    def compose(self) -> str:
        lines = ["services:"]
        for name in self.some(APPS, 8):
            lines += [f"  {name}:", f"    image: registry.example.test/{name}:2.{self.chance.randint(0, 9)}"]
            lines += ["    restart: unless-stopped", "    environment:", "      LOG_LEVEL: ${LOG_LEVEL:-info}"]
            lines += (
                ["    ports:", f'      - "{"127.0.0.1:" if self.often(0.5) else ""}8080:8080"']
                if self.often(0.6)
                else []
            )
            if self.often(0.5):
                lines += [
                    "    read_only: true",
                    "    cap_drop: [ALL]",
                    "    user: '10001:10001'",
                    "    mem_limit: 256m",
                ]
                lines += ["    cpus: 0.5", "    pids_limit: 100", "    security_opt: ['no-new-privileges:true']"]
            lines += ["    privileged: true"] if self.often(0.03) else []
        lines += ["  store:", f"    image: {self.chance.choice(DATABASES)}", "    volumes:", "      - data:/data"]
        return "\n".join([*lines, "volumes:", "  data: {}", ""])

    def values(self) -> str:
        """The values of a chart."""
        lines = ["replicaCount: 2", "image:", "  repository: registry.example.test/app", "  pullPolicy: IfNotPresent"]
        for name in self.some(APPS, 10):
            lines += [f"{name}:", "  enabled: true", "  resources:", "    limits: {cpu: 200m, memory: 256Mi}"]
            lines += ["  nodeSelector: {}", "  # how many", f"  replicas: {self.chance.randint(1, 9)}"]
        return "\n".join([*lines, ""])

    def other(self) -> str:
        """YAML that is about something else: pipelines, playbooks, API descriptions, translations."""
        kind = self.chance.randrange(4)
        if kind == 0:
            jobs = [
                f"  {name}:\n    runs-on: linux\n    steps:\n      - uses: checkout@v4\n      - run: make {name}"
                for name in self.some(APPS, 5)
            ]
            return "\n".join(["name: build", "on: [push]", "jobs:", *jobs, ""])
        if kind == 1:
            tasks = [
                f"    - name: install {name}\n      package: {{name: {name}, state: present}}"
                for name in self.some(TOOLS, 9)
            ]
            return "\n".join(["- hosts: all", "  become: true", "  tasks:", *tasks, ""])
        if kind == 2:
            paths = [
                f"  /{name}:\n    get:\n      responses:\n        '200': {{description: OK}}"
                for name in self.some(APPS, 12)
            ]
            return "\n".join(["openapi: 3.1.0", "info: {title: shop, version: '1'}", "paths:", *paths, ""])
        return "\n".join(
            ["en:", *(f'  {name}_{n}: "the {name} number {n}"' for name in self.some(APPS, 6) for n in range(9)), ""]
        )


def indented(lines: list[str], by: int) -> list[str]:
    return [" " * by + line for line in lines]


def meta(version: str, kind: str, name: str) -> list[str]:
    space = name.partition("-")[0]
    return [
        f"apiVersion: {version}",
        f"kind: {kind}",
        "metadata:",
        f"  name: {name}",
        f"  namespace: {space}",
        f"  labels: {{app: {name}, team: {space}}}",
    ]


def ingress(name: str, *, tls: bool) -> list[str]:
    lines = ["spec:", "  rules:", f"  - host: {name}.example.test", "    http:", "      paths:", "      - path: /"]
    lines += ["        pathType: Prefix", "        backend:", "          service:", f"            name: {name}"]
    lines += ["            port: {number: 80}"]
    return [*lines, "  tls:", f"  - hosts: [{name}.example.test]", f"    secretName: {name}-tls"] if tls else lines


def make(root: Path, *, dockerfiles: int, documents: int, seed: int = 4) -> None:
    """`docker/` with Dockerfiles and `yaml/` with YAML: manifests (62 %), Compose (8 %), values (10 %) and others (20 %)."""
    maker = Maker(root, seed)
    for number in range(dockerfiles):
        name = "Dockerfile" if number % 3 else f"{maker.chance.choice(APPS)}.Dockerfile"
        maker.write(f"docker/{number // 40:02}/{number:03}/{name}", maker.dockerfile())
    for number in range(documents):
        home, draw = f"yaml/{number // 100:02}/{number:04}", maker.chance.random()
        if draw < 0.62:
            maker.write(f"{home}/manifest.yaml", maker.manifest(number))
        elif draw < 0.70:
            maker.write(f"{home}/compose.yaml", maker.compose())
        elif draw < 0.80:
            maker.write(f"{home}/values.yaml", maker.values())
        else:
            maker.write(f"{home}/config.yml", maker.other())


def examples(root: Path) -> None:
    """The tutorial's shop, beside the rest."""
    shutil.copytree(Path(__file__).resolve().parent.parent / "examples", root / "examples", symlinks=True)
