// CurrentTls: the TlsContext that a listener's next connections use. It is replaced when files
// change; the connections that are there keep the one they began with.
//
// Threads: any; a mutex, held for the copy of a pointer. Shared by the port and who replaces it.
#pragma once

#include <memory>
#include <mutex>

#include "broker/net/tls_context.hpp"

namespace drawbridge::net {

class CurrentTls {
public:
    // Never null, as what replaces it.
    explicit CurrentTls(std::shared_ptr<const TlsContext> context);

    std::shared_ptr<const TlsContext> get() const;
    void replace(std::shared_ptr<const TlsContext> context);

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const TlsContext> context_;  // guarded by mutex_
};

}  // namespace drawbridge::net
