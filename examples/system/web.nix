{
  networking = {
    hostName = "web";
    firewall.allowedTCPPorts = [ 80 ];
  };
  services.nginx = {
    enable = true;
    virtualHosts."web.example.org".root = "/var/www";
  };
}
