#include "broker/net/current_tls.hpp"

#include "broker/base/assert.hpp"

namespace drawbridge::net {

CurrentTls::CurrentTls(std::shared_ptr<const TlsContext> context) : context_(std::move(context)) {
    ASSERT(context_ != nullptr);
}

std::shared_ptr<const TlsContext> CurrentTls::get() const {
    const std::scoped_lock lock(mutex_);
    return context_;
}

void CurrentTls::replace(std::shared_ptr<const TlsContext> context) {
    ASSERT(context != nullptr);
    const std::scoped_lock lock(mutex_);
    context_.swap(context);  // the last owner frees the old one, outside of the lock
}

}  // namespace drawbridge::net
