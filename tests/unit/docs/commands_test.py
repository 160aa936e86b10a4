"""What the documents tell people to type and to open exists: files, links, make targets, presets, test labels.

  commands_test.py SOURCE-DIRECTORY BUILD-DIRECTORY

Commands of sh blocks that change nothing are run; of the others, what they name is looked up. Those of the
README's tour, which need namespaces, are run by netkit_run.readme_commands.
"""
import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(sys.argv[1])
BUILD = pathlib.Path(sys.argv[2])
DOCUMENTS = [SOURCE / "README.md", SOURCE / "CONTRIBUTING.md", *sorted((SOURCE / "docs").glob("*.md"))]
# What stands in backticks and begins with one of these is a path of the tree.
FOLDERS = ("src/", "tests/", "bpf/", "docs/", "scripts/", "examples/", "cmake/", "bench/")

PRESETS = {preset["name"]: preset["binaryDir"].replace("${sourceDir}/", "")
           for preset in json.loads((SOURCE / "CMakePresets.json").read_text())["configurePresets"]
           if not preset.get("hidden")}

problems = []


def expect(condition, document, text):
    if not condition:
        problems.append(f"{document.relative_to(SOURCE)}: {text}")


def succeeds(*command):
    return subprocess.run(command, cwd=SOURCE, capture_output=True, timeout=60).returncode == 0


def ctest(*arguments):
    """What it prints; values of parameters in the tests' names can be any bytes."""
    return subprocess.run(["ctest", "--test-dir", BUILD, *arguments], capture_output=True, text=True,
                          errors="replace").stdout


def check_make(document, words):
    expect(succeeds("make", "-n", *words), document, f"`make {' '.join(words)}` is no target")


def check_cmake(document, words):
    if words[0] in ("--build", "--install"):
        expect(words[1] in PRESETS.values(), document, f"no preset builds in {words[1]}")
        return
    expect(words[0] == "--preset" and words[1] in PRESETS, document, f"no preset is called {words[1]}")
    with tempfile.TemporaryDirectory(prefix="netkit-preset-") as directory:
        expect(succeeds("cmake", *words, "-B", directory), document, f"`cmake {' '.join(words)}` fails")


def check_ctest(document, words):
    expect(words[:1] == ["--test-dir"] and words[1] in PRESETS.values(), document, f"no preset builds in {words[1]}")
    count = re.search(r"Total Tests: (\d+)", ctest("-N", *words[2:]))
    expect(count and int(count.group(1)) > 0, document, f"`ctest {' '.join(words)}` finds no tests")


def check_netkit(document, words):
    expect(succeeds(BUILD / "bin/netkit", words[0], "--help"), document, f"`netkit {words[0]}` is no command")


# Compiled by the test install.an_embedding_program_builds_by_find_package_and_by_pkg_config.
def check_compiler(document, words):
    expect(words == ["main.cpp", "$(pkg-config", "--cflags", "--libs", "netkit)"], document,
           "nothing compiles that program")


def check_apt_get(document, words):
    expect(words == ["install", "-y", "git", "make"], document, "the first command installs git and make")


COMMANDS = {"make": check_make, "cmake": check_cmake, "ctest": check_ctest, "build/bin/netkit": check_netkit,
            "apt-get": check_apt_get, "c++": check_compiler}


def check_commands(document, text):
    for block in re.findall(r"```sh\n(.*?)```", text, re.S):
        for command in re.split(r"\n|&&", block):
            words = shlex.split(command, comments=True)
            if not words:
                continue
            check = COMMANDS.get(words[0])
            expect(check, document, f"nothing checks the command {command.strip()!r}")
            if check:
                check(document, words[1:])


def check_labels(document, text):
    for labels in re.findall(r"# one label: (.*)", text):
        known = json.loads(ctest("--show-only=json-v1"))
        found = {label for test in known["tests"] for entry in test.get("properties", [])
                 if entry["name"] == "LABELS" for label in entry["value"]}
        expect(set(labels.split(", ")) == found, document, f"the labels are {sorted(found)}, not {labels}")


def check_paths(document, text):
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in target:
            expect((document.parent / target).exists(), document, f"the link to {target} leads nowhere")
    for quoted in re.findall(r"`([^`\s]+)`", text):
        if quoted.startswith(FOLDERS):
            expect(any(SOURCE.glob(quoted.rstrip("/"))), document, f"there is no {quoted}")


for document in DOCUMENTS:
    text = document.read_text()
    check_commands(document, text)
    check_labels(document, text)
    check_paths(document, text)
print("\n".join(problems))
sys.exit(bool(problems))
