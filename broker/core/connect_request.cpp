#include "broker/core/connect_request.hpp"

#include "broker/core/answer.hpp"
#include "broker/wire/decode.hpp"
#include "broker/wire/encode.hpp"

namespace drawbridge::core {

Result<std::unique_ptr<ConnectRequest>> ConnectRequest::read(std::uint8_t flags, Bytes body) {
    std::unique_ptr<ConnectRequest> request(new ConnectRequest(body));
    const auto view = wire::decode_connect(flags, request->body_);
    if (view.has_error()) return view.error();
    request->view_ = *view;
    request->client_id = view->client_id;
    return request;
}

Credentials ConnectRequest::credentials(std::string_view address) const {
    Credentials credentials;
    credentials.client_id = client_id;
    if (view_.username) credentials.username = std::string(*view_.username);
    if (view_.password) credentials.password = std::string(as_text(*view_.password));
    credentials.address = std::string(address);
    return credentials;
}

Reason refuse_early(const wire::ConnectView& connect) {
    if (connect.properties.has(wire::PropertyId::authentication_method))
        return Reason::bad_authentication_method;
    const bool may_be_empty =
        connect.version == wire::Version::v5 ||
        (connect.version == wire::Version::v3_1_1 && connect.clean_start);  // never in 3.1
    if (connect.client_id.empty() && !may_be_empty) return Reason::client_identifier_not_valid;
    return Reason::success;
}

void append_refusal(wire::Version version, Reason reason, Buffer& out) {
    wire::ConnectView connect;
    connect.version = version;
    append_refusal(connect, reason, "", out);
}

void append_refusal(const wire::ConnectView& connect, Reason reason, std::string_view why,
                    Buffer& out) {
    using Id = wire::PropertyId;
    const bool v5 = connect.version == wire::Version::v5;
    if (!v5 || connect.properties.number(Id::request_problem_information) == 0u) why = {};
    const auto bytes_max = connect.properties.number(Id::maximum_packet_size).value_or(UINT32_MAX);
    append_answer(out, why, bytes_max, [&](const wire::PropertyList& properties) {
        wire::ConnackView connack;
        connack.code = v5 ? static_cast<std::uint8_t>(reason) : wire::connack_code_311(reason);
        connack.properties = properties;
        wire::encode(connack, connect.version, out);
    });
}

}  // namespace drawbridge::core
