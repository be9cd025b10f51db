# Checks strangers' submissions where the system itself cannot confine them (macOS, an old kernel).
# From the folder of the source:
#
#   docker build -f containers/check.Dockerfile -t chainrule-check .
#   mkdir -p checked
#   docker run --rm --user "$(id -u):$(id -g)" --network none --read-only --tmpfs /tmp:size=1g \
#       --cap-drop ALL --security-opt no-new-privileges --pids-limit 64 --memory 6g \
#       -v "$PWD/submissions:/submissions:ro" -v "$PWD/checked:/checked" \
#       chainrule-check check /submissions --out /checked
#
# No network, no capabilities, a file system that cannot be written to but for /tmp and the results,
# which belong to whoever has started it. Within, the sandbox adds Landlock and seccomp where the
# host has them.
FROM python:3.12-slim

# No versions: a mirror keeps the newest ones alone.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libseccomp2 util-linux \
    && rm -rf /var/lib/apt/lists/*
COPY . /source
RUN pip install --no-cache-dir /source scipy && rm -rf /source
RUN useradd --create-home --uid 1000 checker
USER 1000
# A thread of its own for each core would count as a process.
ENV PYTHONDONTWRITEBYTECODE=1 OPENBLAS_NUM_THREADS=1
ENTRYPOINT ["chainrule"]
