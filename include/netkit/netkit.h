// netkit in user space: the BPF-programmable network device as a library.
//
//   auto engine = netkit::v1::Engine::start();
//   auto host = engine->add_namespace("host"), pod = engine->add_namespace("pod");
//   auto pair = host->add_netkit({.name = "nk0", .peer = {.name = "eth0", .netns = *pod}});
//   auto object = engine->load("pod_policy.bpf.o");
//   auto link = pair->primary.attach(AttachPoint::kNetkitPeer, *object->program("from_pod"));
//
// Names. Everything lives in netkit::v1; an incompatible change would be a v2 beside it. Errors. Calls that
// can fail return Result (result.h) with the kernel's errno for the kernel's reason; nothing throws but
// std::bad_alloc. Ownership. Engine, Namespace, Device, Program, Map, Link and Port are handles: moving one
// moves what it stands for, and destroying it gives that up as its class says. They keep the engine alive.
// Threads. Every call may come from any thread; one handle is used by one thread at a time.
#pragma once

#include <netkit/device.h>
#include <netkit/engine.h>
#include <netkit/link.h>
#include <netkit/map.h>
#include <netkit/namespace.h>
#include <netkit/packet.h>
#include <netkit/port.h>
#include <netkit/program.h>
#include <netkit/result.h>
