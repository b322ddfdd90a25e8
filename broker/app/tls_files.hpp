// TlsFiles: the certificates, keys, CAs and revocation lists of the listeners, and the TlsContexts
// made of them: read at start, and again when the files change.
//
// Files are told apart by what stat() says of them, so that it does not matter how they are
// replaced: written anew, renamed, or by a symbolic link that points elsewhere (as certbot and
// Kubernetes do it). New files that cannot be used leave the old ones in use. Certificate and key
// that do not belong together, or a file that is half written, are most likely on their way: such a
// failure is told when it is still there at the next look.
// The broker's own certificate is renewed in time, here as well.
//
// Owner: the app. Threads: the control thread. Limit: it blocks for the disk.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/app/configuration.hpp"
#include "broker/base/clock.hpp"
#include "broker/core/psk_source.hpp"
#include "broker/net/certificates.hpp"
#include "broker/net/current_tls.hpp"

namespace drawbridge::app {

class TlsFiles {
public:
    static constexpr seconds look_interval{2};

    // generated: the directory of the broker's own certificate, made when a listener needs it.
    // psks must outlive all connections.
    TlsFiles(std::filesystem::path generated, core::PskSource& psks);

    // Reads the files of a listener. Throws std::runtime_error: one sentence with the file.
    std::shared_ptr<const net::CurrentTls> add(const ListenerConfiguration& listener, WallTime now);

    // Reads what has changed since the last look. Each look_interval.
    void look(WallTime now);
    // Reads everything, and says so.
    void reread(WallTime now);

private:
    // What stat() says of a file; all zero if there is none.
    struct Stamp {
        dev_t device = 0;
        ino_t inode = 0;
        off_t size = 0;
        std::int64_t modified_ns = 0;
        std::int64_t changed_ns = 0;
        bool operator==(const Stamp&) const = default;
    };
    using Stamps = std::vector<Stamp>;

    struct Entry {
        std::string listener;
        net::TlsRules rules;
        std::shared_ptr<net::CurrentTls> current;
        Stamps seen;            // when the files were read last, whatever came of it
        bool failed = false;    // to use them, and not yet told
        bool told_end = false;  // of the certificate
        bool told_crl_end = false;
    };

    static Stamps stamps_of(const net::TlsRules& rules);
    void renew_generated(WallTime now);
    void read(Entry& entry, WallTime now, bool tell);
    static void tell_of_ends(Entry& entry, WallTime now);

    const std::filesystem::path generated_;
    core::PskSource& psks_;
    std::vector<Entry> entries_;
    std::optional<net::HostNames> host_;  // once the broker has a certificate of its own
    WallTime renewal_checked_at_;
};

}  // namespace drawbridge::app
