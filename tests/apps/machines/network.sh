# Machines of their own addresses in namespaces of this process: a bridge with 10.77.0.1, and 10.77.0.N behind it for each N in "$@".
# Prints a process in each network, then holds everything until the end of standard input.
set -e
ip link set lo up
ip link add bridge0 type bridge
ip addr add 10.77.0.1/24 dev bridge0
ip link set bridge0 up
for n in "$@"; do
  unshare -n sleep infinity &
  until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.05; done
  ip link add "outer$n" type veth peer name "inner$n"
  ip link set "inner$n" netns $!
  ip link set "outer$n" master bridge0 up
  nsenter -t $! -n sh -c "ip link set lo up; ip addr add 10.77.0.$n/24 dev inner$n; ip link set inner$n up"
  echo $!
done
echo ready
cat
