# Containers for transcripts: podman's, where $PODMAN is a command that runs them, else processes in namespaces of their own.
# `container pod1` sets $pod1 to the number of a process in it.

container() {
  if [ -n "$PODMAN" ]; then
    $PODMAN run -d --rm --name "nkt-$1" --network none $PODMAN_LIMITS --rootfs /:O sleep 300 >/dev/null
    eval "$1=$($PODMAN inspect -f '{{.State.Pid}}' "nkt-$1")"
  else
    unshare -n sleep 300 &
    eval "$1=$!"
    # Until it is where it is to be.
    while [ "$(readlink "/proc/$!/ns/net")" = "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
  fi
}

in_container() {
  local process=$1
  shift
  nsenter -t "$process" -n "$@"
}

end_container() {
  if [ -n "$PODMAN" ]; then
    $PODMAN rm -f -t 0 "nkt-$1" >/dev/null
  else
    eval "kill \$$1; wait \$$1 2>/dev/null"
    true
  fi
}
