#include "broker/net/client_certificates.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <stdexcept>
#include <string_view>

#include "broker/net/tls_claim.hpp"

namespace drawbridge::net {
namespace {

// A certificate has one to two KiB; a chain has two or three of them.
constexpr std::size_t certificate_bytes_max = 16u << 10;
constexpr int chain_depth_max = 6;
constexpr std::size_t name_bytes_max = 256;

void must(bool done) {
    if (!done)
        throw std::runtime_error("cannot set up client certificates: " +
                                 openssl::take_reason_text());
}

int name_index() {
    static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

CertificateName name_rule(const SSL* connection) {
    const SSL_CTX* context = SSL_get_SSL_CTX(connection);
    return SSL_CTX_get_ex_data(context, name_index()) == nullptr ? CertificateName::common_name
                                                                 : CertificateName::san_uri;
}

// Good for a log line, and no longer than any id.
bool is_plain(std::string_view name) {
    return name.size() <= name_bytes_max &&
           std::all_of(name.begin(), name.end(), [](char c) { return ' ' < c && c <= '~'; });
}

std::string common_name_of(const X509* certificate) {
    const X509_NAME* subject = X509_get_subject_name(certificate);
    const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return {};
    unsigned char* text = nullptr;
    const int size =
        ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    if (size < 0) return {};
    std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
    OPENSSL_free(text);
    return name;
}

std::string uri_of(const X509* certificate) {
    const std::unique_ptr<GENERAL_NAMES, openssl::FreedBy<GENERAL_NAMES_free>> all(
        static_cast<GENERAL_NAMES*>(
            X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    std::string uri;
    for (int i = 0; i < sk_GENERAL_NAME_num(all.get()); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), i);
        if (name->type != GEN_URI) continue;
        if (!uri.empty()) return {};  // which of them?
        const ASN1_IA5STRING* text = name->d.uniformResourceIdentifier;
        uri.assign(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                   static_cast<std::size_t>(ASN1_STRING_length(text)));
    }
    return uri;
}

// What follows the last '/', and in a URN, which has none, what follows the last ':'.
std::string end_of(const std::string& uri) {
    const std::size_t slash = uri.rfind('/');
    const std::size_t at = slash != std::string::npos ? slash : uri.rfind(':');
    return at == std::string::npos ? std::string() : uri.substr(at + 1);
}

std::string name_of(const X509* certificate, CertificateName rule) {
    std::string name = rule == CertificateName::common_name ? common_name_of(certificate)
                                                            : end_of(uri_of(certificate));
    ERR_clear_error();
    return is_plain(name) ? name : std::string();
}

// Asked for each certificate of a chain, and for each thing that is wrong with one.
int see_verified(int good, X509_STORE_CTX* verification) noexcept {
    if (good == 1) return 1;
    // Who has revoked the operator's own choice is not asked: client_ca may be an intermediate CA.
    const int depth = X509_STORE_CTX_get_error_depth(verification);
    const bool is_anchor =
        depth > 0 && depth + 1 == sk_X509_num(X509_STORE_CTX_get0_chain(verification));
    if (is_anchor && X509_STORE_CTX_get_error(verification) == X509_V_ERR_UNABLE_TO_GET_CRL) {
        X509_STORE_CTX_set_error(verification, X509_V_OK);
        return 1;
    }
    auto* connection = static_cast<SSL*>(
        X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx()));
    TlsClaim& claim = TlsClaim::of(connection);
    claim.proof = core::Credentials::Proof::certificate;
    const X509* certificate = X509_STORE_CTX_get0_cert(verification);
    if (certificate != nullptr) claim.name = name_of(certificate, name_rule(connection));
    claim.why_not =
        fmt::format("client certificate refused, {}",
                    X509_verify_cert_error_string(X509_STORE_CTX_get_error(verification)));
    return 0;
}

void trust(SSL_CTX* context, const std::filesystem::path& file) {
    X509_STORE* store = SSL_CTX_get_cert_store(context);
    for (const openssl::Certificate& certificate : openssl::read_certificates(file)) {
        must(X509_STORE_add_cert(store, certificate.get()) == 1);
        must(SSL_CTX_add_client_CA(context, certificate.get()) == 1);  // clients choose by it
    }
}

std::optional<WallTime> revoke(SSL_CTX* context, const std::filesystem::path& file) {
    X509_STORE* store = SSL_CTX_get_cert_store(context);
    std::optional<WallTime> first_end;
    for (const openssl::Crl& crl : openssl::read_crls(file)) {
        must(X509_STORE_add_crl(store, crl.get()) == 1);
        const ASN1_TIME* next = X509_CRL_get0_nextUpdate(crl.get());
        if (next == nullptr) continue;
        const WallTime end = openssl::to_time(next);
        first_end = first_end ? std::min(*first_end, end) : end;
    }
    return first_end;
}

}  // namespace

std::optional<WallTime> ClientCertificates::ask(SSL_CTX* context) const {
    // The pointer says the rule and points to nothing.
    static char is_uri;
    must(SSL_CTX_set_ex_data(context, name_index(),
                             name == CertificateName::san_uri ? &is_uri : nullptr) == 1);
    trust(context, ca);
    std::optional<WallTime> end;
    if (!crl.empty()) end = revoke(context, crl);

    // A file with an intermediate CA alone means: those that it has issued, and no others.
    unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
    if (!crl.empty()) flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
    must(X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), flags) == 1);
    SSL_CTX_set_verify_depth(context, chain_depth_max);
    SSL_CTX_set_max_cert_list(context, certificate_bytes_max);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       see_verified);
    return end;
}

std::optional<std::string> proved_name(const SSL* connection) {
    const X509* certificate = SSL_get0_peer_certificate(connection);
    if (certificate == nullptr || SSL_get_verify_result(connection) != X509_V_OK)
        return std::nullopt;
    return name_of(certificate, name_rule(connection));
}

bool has_current_certificate(const SSL_SESSION* session) {
    const X509* certificate = SSL_SESSION_get0_peer(const_cast<SSL_SESSION*>(session));
    return certificate == nullptr || X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0;
}

}  // namespace drawbridge::net
