#include "broker/app/tls_files.hpp"

#include <stdexcept>
#include <utility>

#include "broker/app/rfc3339.hpp"
#include "broker/base/log.hpp"

namespace drawbridge::app {
namespace {

constexpr std::chrono::hours renewal_check_interval{12};
constexpr std::chrono::hours end_told_before{24 * 7};

std::int64_t to_ns(const timespec& time) { return time.tv_sec * 1'000'000'000LL + time.tv_nsec; }

}  // namespace

TlsFiles::TlsFiles(std::filesystem::path generated, core::PskSource& psks)
    : generated_(std::move(generated)), psks_(psks) {}

std::shared_ptr<const net::CurrentTls> TlsFiles::add(const ListenerConfiguration& listener,
                                                     WallTime now) {
    using Configured = ListenerConfiguration;
    net::TlsRules rules;
    rules.chain = listener.certificate;
    rules.private_key = listener.private_key;
    if (listener.certificate.empty()) {
        const bool first = !host_;
        if (first) host_ = net::host_names();
        const auto files = net::ensure_certificates(generated_, *host_, now);
        renewal_checked_at_ = now;
        rules.chain = files.chain;
        rules.private_key = files.private_key;
        if (first)
            log::info("TLS clients trust the broker by its CA: {}",
                      std::filesystem::absolute(files.ca).lexically_normal().string());
    }
    rules.clients.ca = listener.client_ca;
    rules.clients.crl = listener.client_crl;
    if (listener.client_identity == Configured::ClientIdentity::san_uri)
        rules.clients.name = net::CertificateName::san_uri;
    rules.clients.required = listener.client_certificate == Configured::ClientCertificate::required;
    if (listener.psk) rules.psks = &psks_;

    Entry entry;
    entry.listener = listener.name;
    entry.rules = rules;
    entry.seen = stamps_of(rules);
    entry.current =
        std::make_shared<net::CurrentTls>(std::make_shared<const net::TlsContext>(rules));
    tell_of_ends(entry, now);
    entries_.push_back(std::move(entry));
    return entries_.back().current;
}

void TlsFiles::look(WallTime now) {
    if (now >= renewal_checked_at_ + renewal_check_interval || now < renewal_checked_at_)
        renew_generated(now);
    for (Entry& entry : entries_) {
        const bool changed = stamps_of(entry.rules) != entry.seen;
        if (changed || entry.failed) read(entry, now, !changed);
        tell_of_ends(entry, now);
    }
}

void TlsFiles::reread(WallTime now) {
    renew_generated(now);
    for (Entry& entry : entries_) read(entry, now, true);
}

void TlsFiles::renew_generated(WallTime now) {
    if (!host_) return;
    renewal_checked_at_ = now;
    try {
        net::ensure_certificates(generated_, *host_, now);
    } catch (const std::runtime_error& failure) {
        log::error("the broker's own certificate cannot be renewed: {}", failure.what());
    }
}

// tell: also of a failure that may have been overtaken by now.
void TlsFiles::read(Entry& entry, WallTime now, bool tell) {
    entry.seen = stamps_of(entry.rules);  // before: what changes meanwhile is read at the next look
    try {
        entry.current->replace(std::make_shared<const net::TlsContext>(entry.rules));
        entry.failed = false;
        entry.told_end = entry.told_crl_end = false;
        log::info("listener {}: new connections use the certificate files as they are now",
                  entry.listener);
        tell_of_ends(entry, now);
    } catch (const std::runtime_error& failure) {
        entry.failed = !tell;
        if (tell)
            log::error(
                "listener {}: its certificate files cannot be used as they are now, and what was "
                "read before stays in use: {}",
                entry.listener, failure.what());
    }
}

void TlsFiles::tell_of_ends(Entry& entry, WallTime now) {
    const auto context = entry.current->get();
    const WallTime end = context->certificate_end();
    if (end <= now + end_told_before && !std::exchange(entry.told_end, true))
        log::warn("listener {}: the certificate {} is valid until {}", entry.listener,
                  entry.rules.chain.string(), to_rfc3339(end));
    const std::optional<WallTime> crl_end = context->crl_end();
    if (crl_end && *crl_end <= now && !std::exchange(entry.told_crl_end, true))
        log::error(
            "listener {}: {} ran out at {}, so no client certificate is accepted until there is a "
            "newer one",
            entry.listener, entry.rules.clients.crl.string(), to_rfc3339(*crl_end));
}

TlsFiles::Stamps TlsFiles::stamps_of(const net::TlsRules& rules) {
    Stamps stamps;
    for (const auto* file :
         {&rules.chain, &rules.private_key, &rules.clients.ca, &rules.clients.crl}) {
        Stamp& stamp = stamps.emplace_back();
        struct stat found {};
        if (file->empty() || ::stat(file->c_str(), &found) != 0) continue;
        stamp = {.device = found.st_dev,
                 .inode = found.st_ino,
                 .size = found.st_size,
                 .modified_ns = to_ns(found.st_mtim),
                 .changed_ns = to_ns(found.st_ctim)};
    }
    return stamps;
}

}  // namespace drawbridge::app
