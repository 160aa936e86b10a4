// Marks what the shared library exports.
#pragma once

#define NETKIT_API __attribute__((visibility("default")))
