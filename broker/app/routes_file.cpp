#include "broker/app/routes_file.hpp"

#include <algorithm>
#include <utility>

#include "broker/app/table_reader.hpp"

namespace drawbridge::app {
namespace {

class RoutesFile {
public:
    RoutesFile(const std::filesystem::path& file, ConfigurationNotes& mistakes,
               ConfigurationNotes& warnings)
        : file_(file), mistakes_(mistakes), warnings_(warnings) {}

    void read(const toml::table& root) {
        const bool is_a_route = root.contains("nats_topic") || root.contains("mqtt_topic");
        if (is_a_route) {
            read_route(root);  // names what else is there as well
            std::erase(ignored_, "[[routes]] routes");
        }
        for (const auto& [key, node] : root) {
            if (key.str() == "routes")
                read_routes(node);
            else if (!is_a_route)
                ignored_.emplace_back(key.str());
        }
        if (!ignored_.empty())
            warnings_.add(1, fmt::format("what is not about routes is ignored: {}",
                                         fmt::join(ignored_, ", ")));
    }

    std::vector<RouteConfiguration> take() { return std::move(routes_); }

private:
    void read_routes(const toml::node& node) {
        const toml::array* tables = node.as_array();
        if (const toml::table* table = node.as_table())
            read_route(*table);
        else if (tables != nullptr && (tables->empty() || tables->is_homogeneous<toml::table>()))
            for (const toml::node& one : *tables) read_route(*one.as_table());
        else
            mistakes_.add(line_of(node),
                          "routes must be one or more tables, each headed [[routes]]");
    }

    void read_route(const toml::table& table) {
        TableReader reader(table, "[[routes]]", file_.parent_path(), mistakes_, warnings_);
        RouteConfiguration& route = routes_.emplace_back();
        visit_keys(reader, route);
        complete(reader, route);
        route.file = file_;
        for (std::string& key : reader.unknown())
            if (std::find(ignored_.begin(), ignored_.end(), key) == ignored_.end())
                ignored_.push_back(std::move(key));
    }

    const std::filesystem::path& file_;
    ConfigurationNotes& mistakes_;
    ConfigurationNotes& warnings_;
    std::vector<RouteConfiguration> routes_;
    std::vector<std::string> ignored_;
};

}  // namespace

std::vector<RouteConfiguration> read_routes_file(const std::filesystem::path& file,
                                                 ConfigurationNotes& mistakes,
                                                 ConfigurationNotes& warnings) {
    RoutesFile routes(file, mistakes, warnings);
    routes.read(parse_toml(read_text(file), file));
    return routes.take();
}

}  // namespace drawbridge::app
