// Certificates: the broker's own CA and server certificate, for a host where nobody configured any.
//
// They are made at the first start, so that TLS works at once and a client needs one file, ca.crt.
// Later starts keep the CA, which clients have copied, and renew the server certificate when it no
// longer suits the host or the day; and so does a broker that runs on and on. EC keys on P-256,
// signatures with SHA-256: what the smallest device knows.
//
// Files, in one directory (mode 0700), each replaced atomically:
//   ca.crt      what clients trust; 20 years
//   ca.key      mode 0600; may be taken away to a safe place, and then nothing can be renewed
//   server.crt  names the host; 820 days at most, because some clients accept no more than 825
//   server.key  mode 0600
// Threads: one, at start-up and later; it blocks for the disk.
#pragma once

#include <filesystem>

#include "broker/base/clock.hpp"
#include "broker/net/host_names.hpp"

namespace drawbridge::net {

struct CertificateFiles {
    std::filesystem::path ca;
    std::filesystem::path chain;  // PEM, the server's certificate first
    std::filesystem::path private_key;
};

// Makes what is missing in directory, renews what is due, and tells where the files are.
//
// The server certificate is renewed when less than 270 days of it are left, when the host has a
// name or an address that it does not name, when it and its key do not belong together, or when the
// CA did not issue it. A CA that has run out is replaced. Without ca.key a server certificate that
// still works is kept, with a warning. Throws std::runtime_error: one sentence that names the path.
CertificateFiles ensure_certificates(const std::filesystem::path& directory, const HostNames& host,
                                     WallTime now);

}  // namespace drawbridge::net
