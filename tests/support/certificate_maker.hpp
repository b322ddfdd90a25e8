// CertificateMaker: a CA, and certificates and revocation lists that it issues, as files.
#pragma once

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <filesystem>
#include <string>
#include <vector>

#include "broker/net/openssl.hpp"

namespace drawbridge::test {

using namespace net;  // what is tested

class CertificateMaker {
public:
    // What is made is valid from the day before now to a year later, unless it says otherwise.
    CertificateMaker(std::filesystem::path directory, const std::string& name)
        : directory_(std::move(directory)), name_(name), key_(EVP_EC_gen("P-256")) {
        ca_ = make(name, key_.get(), {}, day * 365, true);
        file = write(name + ".crt", ca_.get());
    }

    struct Made {
        std::filesystem::path certificate;
        std::filesystem::path private_key;
        openssl::Certificate x509;
    };

    // common_name: "" for none. extensions: as in openssl's configuration files.
    Made issue(const std::string& file_name, const std::string& common_name,
               const std::vector<std::pair<int, std::string>>& extensions = {},
               long lasts_s = day * 365) {
        const openssl::Key key(EVP_EC_gen("P-256"));
        Made made;
        made.x509 = make(common_name, key.get(), extensions, lasts_s, false);
        made.certificate = write(file_name + ".crt", made.x509.get());
        made.private_key = directory_ / (file_name + ".key");
        const openssl::Bio out(BIO_new_file(made.private_key.c_str(), "w"));
        PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        return made;
    }

    // A list of these, which runs out after lasts_s.
    std::filesystem::path revoke(const std::vector<const Made*>& revoked, long lasts_s = day) {
        const openssl::Crl crl(X509_CRL_new());
        X509_CRL_set_version(crl.get(), X509_CRL_VERSION_2);
        X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(ca_.get()));
        X509_CRL_set1_lastUpdate(crl.get(), time(-day).get());
        X509_CRL_set1_nextUpdate(crl.get(), time(lasts_s).get());
        for (const Made* made : revoked) {
            X509_REVOKED* entry = X509_REVOKED_new();
            X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(made->x509.get()));
            X509_REVOKED_set_revocationDate(entry, time(-day).get());
            X509_CRL_add0_revoked(crl.get(), entry);
        }
        X509_CRL_sort(crl.get());
        X509_CRL_sign(crl.get(), key_.get(), EVP_sha256());
        const std::filesystem::path file_name = directory_ / (name_ + ".crl");
        const openssl::Bio out(BIO_new_file(file_name.c_str(), "w"));
        PEM_write_bio_X509_CRL(out.get(), crl.get());
        return file_name;
    }

    static constexpr long day = 24 * 3600;
    std::filesystem::path file;  // the CA's certificate

private:
    using Time = std::unique_ptr<ASN1_TIME, openssl::FreedBy<ASN1_TIME_free>>;

    static Time time(long from_now_s) { return Time(X509_gmtime_adj(nullptr, from_now_s)); }

    std::filesystem::path write(const std::string& file_name, X509* certificate) {
        const std::filesystem::path path = directory_ / file_name;
        const openssl::Bio out(BIO_new_file(path.c_str(), "w"));
        PEM_write_bio_X509(out.get(), certificate);
        return path;
    }

    openssl::Certificate make(const std::string& common_name, EVP_PKEY* key,
                              const std::vector<std::pair<int, std::string>>& extensions,
                              long lasts_s, bool is_ca) {
        openssl::Certificate made(X509_new());
        X509_set_version(made.get(), X509_VERSION_3);
        ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial_);
        X509_set_pubkey(made.get(), key);
        X509_NAME* subject = X509_get_subject_name(made.get());
        X509_NAME_add_entry_by_txt(subject, "O", MBSTRING_UTF8,
                                   reinterpret_cast<const unsigned char*>("Test"), -1, -1, 0);
        if (!common_name.empty())
            X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(common_name.c_str()),
                                       -1, -1, 0);
        X509* issuer = is_ca ? made.get() : ca_.get();
        X509_set_issuer_name(made.get(), X509_get_subject_name(issuer));
        X509_set1_notBefore(made.get(), time(-day * 2).get());
        X509_set1_notAfter(made.get(), time(lasts_s).get());
        add(made.get(), issuer, NID_basic_constraints, is_ca ? "critical,CA:TRUE" : "CA:FALSE");
        if (is_ca) add(made.get(), issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
        for (const auto& [id, value] : extensions) add(made.get(), issuer, id, value);
        X509_sign(made.get(), key_.get(), EVP_sha256());
        return made;
    }

    static void add(X509* certificate, X509* issuer, int id, const std::string& value) {
        X509V3_CTX context;
        X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
        X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value.c_str());
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
    }

    const std::filesystem::path directory_;
    const std::string name_;
    const openssl::Key key_;
    openssl::Certificate ca_;
    long serial_ = 0;
};

}  // namespace drawbridge::test
