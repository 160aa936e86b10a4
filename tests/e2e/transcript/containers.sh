# Containers for transcripts: by podman with CONTAINERS=podman, else processes in namespaces of their own. `container pod1` sets $pod1 to the
# number of a process in it.

container() {
  if [ "$CONTAINERS" = podman ]; then
    podman run -d --rm --name "nkt-$1" --network none --rootfs /:O sleep 300 >/dev/null
    eval "$1=$(podman inspect -f '{{.State.Pid}}' "nkt-$1")"
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
  if [ "$CONTAINERS" = podman ]; then
    podman kill "nkt-$1" >/dev/null
  else
    eval "kill \$$1; wait \$$1 2>/dev/null"
    true
  fi
}
