#include "storage/session_rows.hpp"

#include "broker/wire/topic.hpp"

namespace drawbridge::storage {
namespace {

constexpr const char* sessions = "sessions";
constexpr const char* subscriptions = "subscriptions";
constexpr std::size_t levels_max = 65'535;  // what was within bounds once may stay

core::KeptWill read_will(const Statement& row, const ClockPair& clocks) {
    core::KeptWill will;
    if (row.is_null(10)) return will;
    will.delay_s = static_cast<std::uint32_t>(read_number(row, 8, UINT32_MAX, sessions));
    will.expires = !row.is_null(9);
    will.expiry_s = static_cast<std::uint32_t>(read_number(row, 9, UINT32_MAX, sessions));
    const std::uint64_t flags = read_number(row, 10, (1u << message_flags_bits) - 1, sessions);
    will.message = read_message(row, 12, flags, clocks.read(row, 11), sessions);
    return will;
}

}  // namespace

void bind_session(Statement& statement, const core::KeptSession& session, const ClockPair& clocks,
                  TenantNames& tenants) {
    statement.number(session.id).text(session.client_id).text(session.identity);
    statement.number(session.expiry_s).number(unsigned{session.last_packet_id});
    statement.number(unsigned{session.away});
    bind_time(statement, session.ends_at);
    bind_time(statement, session.will_due);
    const core::KeptWill& will = session.will;
    if (will.message == nullptr) {
        for (int column = 0; column < 8; ++column) statement.null();
        return;
    }
    statement.number(will.delay_s);
    if (will.expires)
        statement.number(will.expiry_s);
    else
        statement.null();
    const core::MessageView view = will.message->view();
    statement.number(message_flags(view));
    clocks.bind(statement, view.expires_at);
    bind_content(statement, view, tenants);
}

void bind_subscription(Statement& statement, const core::KeptSubscription& subscription) {
    statement.number(subscription.session).text(subscription.share).text(subscription.filter);
    statement.number(unsigned{subscription.options.qos});
    statement.number(unsigned{subscription.options.no_local});
    statement.number(unsigned{subscription.options.retain_as_published});
    statement.number(static_cast<unsigned>(subscription.options.retain_handling));
    statement.number(subscription.id);
    if (subscription.replay)
        statement.text(*subscription.replay);
    else
        statement.null();
}

core::KeptSession read_session(const Statement& row, const ClockPair& clocks) {
    core::KeptSession session;
    session.id = read_number(row, 0, INT64_MAX, sessions);
    expect(session.id != 0, sessions, "a session of the number 0");
    session.client_id = read_text(row, 1, sessions);
    expect(!session.client_id.empty(), sessions, "a client id of no characters");
    session.identity = read_text(row, 2, sessions);
    session.expiry_s = static_cast<std::uint32_t>(read_number(row, 3, UINT32_MAX, sessions));
    session.last_packet_id = static_cast<std::uint16_t>(read_number(row, 4, UINT16_MAX, sessions));
    session.away = read_number(row, 5, 1, sessions) != 0;
    session.ends_at = read_time(row, 6);
    session.will_due = read_time(row, 7);
    session.will = read_will(row, clocks);
    return session;
}

core::KeptSubscription read_subscription(const Statement& row) {
    core::KeptSubscription subscription;
    subscription.session = read_number(row, 0, INT64_MAX, subscriptions);
    subscription.share = read_text(row, 1, subscriptions);
    subscription.filter = read_text(row, 2, subscriptions);
    expect(wire::is_topic_filter(subscription.filter, levels_max), subscriptions,
           "a filter that is none");
    expect(subscription.share.find_first_of("/+#") == std::string::npos, subscriptions,
           "a share name that is none");
    subscription.options.qos = static_cast<std::uint8_t>(read_number(row, 3, 2, subscriptions));
    subscription.options.no_local = read_number(row, 4, 1, subscriptions) != 0;
    subscription.options.retain_as_published = read_number(row, 5, 1, subscriptions) != 0;
    subscription.options.retain_handling =
        static_cast<wire::RetainHandling>(read_number(row, 6, 2, subscriptions));
    subscription.id = static_cast<std::uint32_t>(read_number(row, 7, 268'435'455, subscriptions));
    if (!row.is_null(8)) subscription.replay = read_text(row, 8, subscriptions);
    return subscription;
}

}  // namespace drawbridge::storage
