{
  description = "Two web servers and their database";

  outputs = { self }:
    let
      inherit (import ./packages.nix "x86_64-linux") package profile;

      database = { openssl, postgresql }: {
        system.path = profile "system" [
          (package "postgresql" postgresql [ (package "openssl" openssl [ ]) ])
        ];
      };

      webServer = { openssl, nginx, shop }: {
        system.path = profile "system" [
          (package "nginx" nginx [ (package "openssl" openssl [ ]) ])
        ];
        shop.path = profile "shop" [ (package "shop" shop [ ]) ];
      };
    in
    {
      deploy = {
        sshUser = "root";
        user = "root";

        nodes.db = {
          hostname = "db";
          profiles = database { openssl = "3.5.1"; postgresql = "17.5"; };
        };

        nodes.web1 = {
          hostname = "web1";
          dependsOn = [ "db" ];
          profilesOrder = [ "system" "shop" ];
          profiles = webServer { openssl = "3.5.1"; nginx = "1.28.0"; shop = "2.3.0"; };
        };

        nodes.web2 = {
          hostname = "web2";
          dependsOn = [ "db" ];
          profilesOrder = [ "system" "shop" ];
          profiles = webServer { openssl = "3.5.1"; nginx = "1.28.0"; shop = "2.3.0"; };
        };
      };
    };
}
