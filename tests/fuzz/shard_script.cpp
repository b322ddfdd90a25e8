#include "tests/fuzz/shard_script.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "broker/base/limits.hpp"

namespace drawbridge::test {
namespace {

constexpr std::size_t large_payload_bytes = 600'000;
constexpr unsigned large_payloads_max = 4;

std::optional<std::uint64_t> seed_of(Bytes head) {
    if (head[1] == 0) return std::nullopt;
    return head[1];
}

unsigned clients_of(Bytes head) { return 3 + head[3] % 3; }

}  // namespace

core::Settings Script::settings_of(Bytes head) {
    core::Settings settings;
    if ((head[2] & 1) != 0) settings.duplicate_client_id = core::DuplicatePolicy::take_over;
    if ((head[2] & 2) != 0) settings.limits.max_inflight = 3;
    if ((head[2] & 4) != 0) settings.limits.max_subscriptions_per_client = 3;
    if ((head[2] & 8) != 0) settings.limits.max_retained_messages = 2;
    if ((head[2] & 16) != 0) settings.limits.max_queued_messages = 3;
    if ((head[2] & 32) != 0) settings.limits.max_output_bytes = 300;
    return settings;
}

Script::Script(Bytes bytes)
    : bytes_(bytes),
      settings_(settings_of(bytes)),
      pump_(settings_, 1u << (bytes[0] % 3), seed_of(bytes)),
      model_(settings_, clients_of(bytes)) {
    model_.now = pump_.now();
    for (unsigned number = 0; number < clients_of(bytes); ++number) {
        const Version version = (bytes[4] >> number & 1) != 0 ? Version::v3_1_1 : Version::v5;
        clients_.emplace_back(pump_, model_, number, version);
        clients_.back().acknowledges = (bytes[5] >> number & 1) == 0;
        clients_.back().receive_maximum_of_broker = settings_.limits.max_inflight;
    }
    tell("{} shards, seed {}, {} clients, settings {:06b}\n", pump_.broker().shards(), bytes[1],
         clients_.size(), bytes[2] & 63);
}

void Script::play() {
    std::vector<Step> steps;
    for (std::size_t at = head_bytes; at + step_bytes <= bytes_.size(); at += step_bytes) {
        if (steps.size() == steps_max) break;
        const std::uint8_t* const byte = bytes_.data() + at;
        steps.push_back({byte[0] % clients_of(bytes_), (byte[0] & 0x80) != 0, byte[1], byte[2],
                         byte[3], byte[4], byte[5]});
    }
    for (std::size_t i = 0; i < steps.size(); ++i) {
        perform(steps[i]);
        const bool goes_on =
            steps[i].goes_on && i + 1 < steps.size() && steps[i + 1].client == steps[i].client &&
            clients_[steps[i].client].is_connected() && !model_.session(steps[i].client).blocked;
        if (!goes_on) settle();
    }
    come_to_rest();
    end_all();
}

// --- steps ---------------------------------------------------------------------------------------

void Script::perform(const Step& step) {
    ScriptedClient& client = clients_[step.client];
    const unsigned what = step.what % 16;
    if (what == 12) {
        static constexpr std::array<unsigned, 8> times_s{1, 2, 4, 6, 11, 61, 3'601, 2'600'000};
        settle();
        const unsigned time_s = times_s[step.a % times_s.size()];
        tell("{} s pass\n", time_s);
        return pass(seconds(time_s));
    }
    if (!client.is_connected()) return connect(step);
    if (client.is_stuck() && what != 10 && what != 11) return;
    switch (what) {
        case 4:
        case 5:
            return subscribe(client, step);
        case 6:
            return unsubscribe(client, step);
        case 7:
            client.acknowledge(step.a, step.b % 4 == 0 ? Reason::quota_exceeded : Reason::success);
            return;
        case 8:
            client.acknowledges = step.a % 2 == 0;
            while (client.acknowledges && client.acknowledge(0, Reason::success)) {
            }
            return;
        case 9:
            return leave(client, step);
        case 10:
            return client.drop();
        case 11:
            settle();
            if (model_.session(step.client).blocked) return client.unblock();
            return client.block();
        case 13:
            settle();
            client.releases = step.a % 2 == 0;
            if (step.b % 2 == 0) return client.publish_again();
            client.release();
            return;
        case 14:
            return contest(client, step);
        case 15:
            return client.ping();
        default:
            return publish(client, step);
    }
}

ConnectOptions Script::options_of(const Step& step, Version version) {
    ConnectOptions options;
    options.clean_start = step.a % 4 == 0;
    const std::array<std::optional<std::uint32_t>, 4> expiries{3'600, 10, UINT32_MAX, std::nullopt};
    options.session_expiry_s = expiries[step.a >> 2 & 3];
    const std::array<std::optional<std::uint32_t>, 4> windows{std::nullopt, 1, 2, 10};
    options.receive_maximum = windows[step.a >> 4 & 3];
    const std::array<std::optional<std::uint32_t>, 4> sizes{std::nullopt, std::nullopt, 40, 9'000};
    options.maximum_packet_size = sizes[step.a >> 6];
    if (step.d % 2 != 0) options.topic_alias_maximum = 2;
    if (step.b % 2 == 0) return options;
    TestWill& will = options.will.emplace();
    will.topic = model_topics[(step.b >> 1) % model_topics.size()];
    will.payload = step.c % 8 == 7 ? "" : payload(0);
    will.qos = static_cast<std::uint8_t>((step.c >> 3) % 3);
    will.retain = (step.c >> 5 & 1) != 0;
    if (version != Version::v5) return options;
    const std::array<std::uint32_t, 4> delays_s{0, 5, 20, 0};
    will.delay_s = delays_s[step.c >> 6];
    if ((step.d & 2) != 0) will.expiry_s = 30;
    return options;
}

void Script::connect(const Step& step) {
    settle();
    ScriptedClient& client = clients_[step.client];
    const ConnectOptions options = options_of(step, client.version());
    client.send_connect(options);
    enter(client, options);
}

void Script::enter(ScriptedClient& client, const ConnectOptions& options) {
    client.begin(options);
    settle();
    client.resume();
    settle();
}

// Another connection with the same client id.
void Script::contest(ScriptedClient& client, const Step& step) {
    settle();
    tell("another connection of client {}\n", client.number());
    const ConnectOptions options = options_of(step, client.version());
    if (settings_.duplicate_client_id == core::DuplicatePolicy::take_over) {
        const TestClient& first = client.connection();
        const bool blocked = model_.session(client.number()).blocked;
        client.send_connect(options);
        enter(client, options);
        if (!first.was_closed()) broken_promise("the connection taken over goes on");
        if (client.version() == Version::v5 && !blocked &&
            first.disconnect_reason() != Reason::session_taken_over)
            broken_promise("no DISCONNECT to the connection taken over");
    } else if (step.b % 4 != 0) {  // the first one's host is up
        TestClient& intruder = intruders_.emplace_back(pump_, client.id(), client.version());
        intruder.send_connect(options);
        pump_.settle();
        pass(seconds(1));
        if (!intruder.was_closed() || intruder.count_of(PacketType::connack) != 1 ||
            intruder.connack().reason == Reason::success)
            broken_promise("an intruder is not refused");
    } else {
        client.connection().link().host_is_up = false;
        client.send_connect(options);
        const bool acknowledges = std::exchange(client.acknowledges, false);
        pump_.settle();
        pass(milliseconds(2'999));
        pump_.pass(milliseconds(1));
        model_.now = pump_.now();
        model_.run_due();
        client.acknowledges = acknowledges;
        enter(client, options);
    }
}

void Script::subscribe(ScriptedClient& client, const Step& step) {
    const bool v5 = client.version() == Version::v5;
    const auto request = [&](unsigned filter, unsigned options) {
        Model::Request made;
        made.filter = filter % unsigned{model_filters.size()};
        made.options.qos = static_cast<std::uint8_t>(options % 3);
        if (!v5) return made;
        made.options.no_local = (options >> 2 & 1) != 0 && !is_shared(made.filter);
        made.options.retain_as_published = (options >> 3 & 1) != 0;
        made.options.retain_handling = static_cast<wire::RetainHandling>((options >> 4) % 3);
        return made;
    };
    std::vector<Model::Request> requests{request(step.a % 16, step.b)};
    if (step.a >= 192 && !is_shared(requests[0].filter) &&
        !is_shared(request(step.a / 16, 0).filter))
        requests.push_back(request(step.a / 16, step.b / 2));
    // A share group's messages are known by it, mostly.
    std::uint32_t id = v5 ? step.c % 4 : 0;
    if (id != 0 && is_shared(requests[0].filter)) id = 10 + requests[0].filter;
    client.subscribe(requests, id);
}

void Script::unsubscribe(ScriptedClient& client, const Step& step) {
    std::vector<unsigned> filters;
    const auto& subscriptions = model_.session(client.number()).subscriptions;
    if (step.b % 4 != 0 && !subscriptions.empty())  // one that is there
        filters.push_back(std::next(subscriptions.begin(),
                                    step.a % static_cast<std::ptrdiff_t>(subscriptions.size()))
                              ->first);
    else
        filters.push_back(step.a % model_filters.size());
    if (step.c % 4 == 0) filters.push_back(step.c / 4 % model_filters.size());
    client.unsubscribe(filters);
}

void Script::publish(ScriptedClient& client, const Step& step) {
    ModelMessage message;
    message.publisher = client.number();
    message.topic = step.a % 8 % model_topics.size();
    message.qos = static_cast<std::uint8_t>((step.a >> 3 & 3) % 3);
    if (!client.may_publish()) message.qos = 0;
    message.retain = (step.a >> 5) % 4 == 0;
    const unsigned kind = step.b & 15;
    const bool is_large = kind == 15 && large_payloads_ < large_payloads_max;
    if (is_large) {
        settle();  // so that what comes with it finds room
        ++large_payloads_;
        message.payload = payload(large_payload_bytes);
    } else if (kind > 1) {
        message.payload = payload(kind == 14 ? limits::shared_payload_bytes_min : kind);
    } else {
        message.qos = 0;  // without a payload nobody could tell which of several has come
    }
    if (client.version() == Version::v5) {
        const std::array<std::optional<std::uint32_t>, 4> expiries{std::nullopt, 5, 60,
                                                                   std::nullopt};
        if (!message.payload.empty()) message.expiry_s = expiries[step.b >> 4 & 3];
        wire::PropertyWriter properties;
        if ((step.c & 1) != 0) properties.number(PropertyId::payload_format_indicator, 1);
        if ((step.c & 2) != 0) properties.user("number", std::to_string(payloads_));
        if ((step.c & 4) != 0) properties.text(PropertyId::response_topic, "b");
        message.properties = as_text(properties.list().bytes());
    }
    client.publish(std::move(message), step.c >> 4 & 3);
    if (is_large) settle();
}

void Script::leave(ScriptedClient& client, const Step& step) {
    std::optional<std::uint32_t> expiry_s;
    Reason reason = Reason::success;
    if (client.version() == Version::v5) {
        if (step.a % 4 == 0) reason = Reason::disconnect_with_will;
        const bool may_raise = model_.session(client.number()).expiry_s > 0;
        if (step.b % 4 == 0) expiry_s = may_raise && step.b >= 64 ? 20 : 0;
    }
    client.disconnect(reason, expiry_s);
}

std::string Script::payload(std::size_t size) {
    std::string text = std::to_string(++payloads_);
    if (text.size() < size) text.resize(size, '.');
    return text;
}

// --- time ----------------------------------------------------------------------------------------

// A millisecond passes at each step, so that no two sessions end at the same time.
void Script::settle() {
    pump_.settle();
    model_.settled([&](unsigned client) { return clients_[client].is_stuck(); });
    for (ScriptedClient& client : clients_)
        if (client.is_connected() &&
            (client.connection().was_closed() || !client.connection().is_connected()))
            broken_promise(fmt::format("the connection of client {} was closed", client.number()));
    judge_sums();
    pass(milliseconds(1));
}

// From one event to the next, which happens in the model first.
void Script::pass(Duration time) {
    const TimePoint end = pump_.now() + time;
    while (pump_.now() < end) {
        const TimePoint event = model_.next_event();
        const TimePoint next = std::max(std::min(event, end), pump_.now());
        pump_.pass(next - pump_.now());
        model_.now = pump_.now();
        if (event > next && time == milliseconds(1)) return;
        model_.run_due();
        pump_.settle();
        model_.settled([&](unsigned client) { return clients_[client].is_stuck(); });
    }
}

// --- the end -------------------------------------------------------------------------------------

// Everybody reads, comes back, completes and acknowledges.
void Script::come_to_rest() {
    tell("all come to rest\n");
    settle();
    for (ScriptedClient& client : clients_) {
        const ModelSession& session = model_.session(client.number());
        client.acknowledges = client.releases = true;
        if (session.connected && session.blocked) {
            client.unblock();
            settle();
        }
        if (session.exists && !session.connected) {
            ConnectOptions options;
            options.clean_start = false;
            options.session_expiry_s = 100'000;
            client.send_connect(options);
            enter(client, options);
        }
    }
    for (ScriptedClient& client : clients_) {
        if (!client.is_connected()) continue;
        while (client.acknowledge(0, Reason::success)) settle();
        while (client.release()) settle();
    }
    model_.judge_end();
}

void Script::end_all() {
    for (ScriptedClient& client : clients_) {
        if (client.is_connected())
            client.disconnect(Reason::success,
                              client.version() == Version::v5 ? 0 : std::optional<std::uint32_t>());
        settle();
    }
    pass(seconds(settings_.limits.max_session_expiry + 1));
    settle();
    if (pump_.count(&core::Stats::sessions) != 0) broken_promise("a session never ends");
}

void Script::judge_sums() {
    std::size_t connected = 0;
    for (ScriptedClient& client : clients_) connected += client.is_connected();
    const auto check = [](const char* what, std::uint64_t has, std::uint64_t should) {
        if (has != should)
            broken_promise(fmt::format("the broker counts {} {}, not {}", has, what, should));
    };
    check("connections", pump_.count(&core::Stats::connections), connected);
    check("sessions", pump_.count(&core::Stats::sessions), model_.sessions());
    check("subscriptions", pump_.count(&core::Stats::subscriptions), model_.subscriptions());
    if (pump_.broker().retained().messages() < model_.retained())
        broken_promise("a retained message is missing");
}

}  // namespace drawbridge::test
