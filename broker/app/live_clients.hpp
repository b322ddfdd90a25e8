// LiveClients: the connections of a running broker, by the id of who they are.
//
// Owner: one command. A snapshot, as the broker told it.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace drawbridge::app {

class LiveClients {
public:
    // clients: the elements of `client list`; others than objects with an identity are passed over.
    explicit LiveClients(const boost::json::array& clients);

    // Of a device one at most; of a service, which may have several, all. In no order.
    const std::vector<boost::json::object>& of(const std::string& identity) const;
    const boost::json::object* one_of(const std::string& identity) const;  // null if there is none

private:
    std::unordered_map<std::string, std::vector<boost::json::object>> by_identity_;
};

// A field of one of them; null if there is no such client or field.
boost::json::value field(const boost::json::object* client, std::string_view name);
std::string text_field(const boost::json::object& client, std::string_view name);  // "?" if none

}  // namespace drawbridge::app
