// OpenSSL's objects, each owned and freed by its own function; its errors, in words; its files,
// read.
#pragma once

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "broker/base/clock.hpp"

namespace drawbridge::net::openssl {

template <auto Free>
struct FreedBy {
    void operator()(auto* object) const { Free(object); }
};

using Bio = std::unique_ptr<BIO, FreedBy<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, FreedBy<X509_free>>;
using Crl = std::unique_ptr<X509_CRL, FreedBy<X509_CRL_free>>;
using Connection = std::unique_ptr<SSL, FreedBy<SSL_free>>;
using Context = std::unique_ptr<SSL_CTX, FreedBy<SSL_CTX_free>>;
using Key = std::unique_ptr<EVP_PKEY, FreedBy<EVP_PKEY_free>>;

// What OpenSSL says about an error code; for 0, that it says nothing.
std::string reason_text(unsigned long error);

// The same for this thread's oldest error, which is where the trouble began. Empties the queue.
std::string take_reason_text();

WallTime to_time(const ASN1_TIME* time);

// The first certificate, all of them, all revocation lists, or the private key of a PEM file. They
// throw (std::runtime_error) one
// sentence with the path. A key behind a password is refused, never asked for on the terminal.
Certificate read_certificate(const std::filesystem::path& file);
std::vector<Certificate> read_certificates(const std::filesystem::path& file);  // at least one
std::vector<Crl> read_crls(const std::filesystem::path& file);                  // at least one
Key read_key(const std::filesystem::path& file);

}  // namespace drawbridge::net::openssl
