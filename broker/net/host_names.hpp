// Host names: what clients may call this host, so that its certificate can say the same.
//
// Bounds: host_addresses_max addresses; the rest is left out.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace drawbridge::net {

// Container hosts have an address for each network; each one costs about 6 bytes of certificate.
constexpr std::size_t host_addresses_max = 128;

struct HostNames {
    std::string host;                    // for people: "gate"
    std::vector<std::string> names;      // DNS names: "localhost", "gate", "gate.example.org"
    std::vector<std::string> addresses;  // as text: "127.0.0.1", "::1", "192.168.1.20"
};

// Asks the kernel, and the resolver for the fully qualified name: where neither /etc/hosts nor DNS
// knows the host, that takes as long as the resolver waits, so it is for start-up only.
//
// Link-local IPv6 addresses are left out: they mean nothing without an interface's name. A host
// name that DNS could not hold is replaced by "localhost".
HostNames host_names();

}  // namespace drawbridge::net
