#include "broker/app/live_clients.hpp"

namespace drawbridge::app {

namespace json = boost::json;

LiveClients::LiveClients(const json::array& clients) {
    for (const json::value& client : clients)
        if (const json::object* fields = client.if_object())
            if (const json::value* identity = fields->if_contains("identity"))
                if (identity->is_string())
                    by_identity_[std::string(identity->get_string())].push_back(*fields);
}

const std::vector<json::object>& LiveClients::of(const std::string& identity) const {
    static const std::vector<json::object> none;
    const auto found = by_identity_.find(identity);
    return found == by_identity_.end() ? none : found->second;
}

const json::object* LiveClients::one_of(const std::string& identity) const {
    const std::vector<json::object>& clients = of(identity);
    return clients.empty() ? nullptr : &clients.front();
}

json::value field(const json::object* client, std::string_view name) {
    const json::value* value = client != nullptr ? client->if_contains(name) : nullptr;
    return value != nullptr ? *value : json::value(nullptr);
}

std::string text_field(const json::object& client, std::string_view name) {
    const json::value value = field(&client, name);
    return value.is_string() ? std::string(value.get_string()) : "?";
}

}  // namespace drawbridge::app
