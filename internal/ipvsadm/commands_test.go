package ipvsadm

// base is the table on which badCommands are tried.
const base = "-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1\n-A -f 5\n-A -f 6 -6\n-A -t [2001:db8::1]:80\n"

// badCommands are command lines that change nothing, each for a reason of its own. Words are separated by one space; ” is an
// empty one.
var badCommands = append([]string{
	// What popt says.
	"-Q", "--bogus", "x", "-", "--", "''", "-6 -A -f 6", "--add-serv -t 192.0.2.9:80", "-L -Q", "-L --bogus", "-L --bogus=3", "-L --num", "-LQ", "-AQ",
	"-L --stats=3", "-A -t", "-A --tcp-service", "-A -t 192.0.2.9:80 -O", "-A -t 192.0.2.9:80 -p -1", "--set=1 2 3", "--start-daemon", "--stop-daemon",
	"--set -1 2 3", "-A -t 192.0.2.9:80 -s",
	// Two commands, or stray words.
	"-A -D -t 192.0.2.9:80", "-AD -t 192.0.2.9:80", "-L -A", "-LnL", "-L -h", "-L extra", "-L ''", "-Ln -", "-L -- -n", "-A -t 192.0.2.9:80 -s rr extra",
	"-A -t 192.0.2.9:80 -w 5 extra", "x -L", "/sbin/ipvsadm -L", "--start-daemon master master", "-A -t 192.0.2.9:80 -s rr ipvsadm",
	// What a command lacks or does not take.
	"-A", "-E", "-D", "-a", "-e", "-d", "-a -t 192.0.2.1:80", "-a -r 10.0.0.1", "-d -t 192.0.2.1:80", "-A -n -w 3", "-A -w 3 -n -t 192.0.2.9:80",
	"-A -t 192.0.2.9:80 -r 10.0.0.1", "-A -t 192.0.2.9:80 -c", "-A -t 192.0.2.9:80 --stats", "-A -t 192.0.2.9 -w 5", "-D -t 192.0.2.1:80 -s rr",
	"-D -t 192.0.2.1:80 -r 10.0.0.1", "-a -t 192.0.2.1:80 -p", "-a -t 192.0.2.1:80 --pe sip", "-a -t 192.0.2.1:80 -r 10.0.0.9 -o",
	"-a -t 192.0.2.1:80 -r 10.0.0.9 -b flag-1", "-e -t 192.0.2.1:80 -r 10.0.0.1 -M 255.0.0.0", "-d -t 192.0.2.1:80 -r 10.0.0.1 -w 3",
	"-d -t 192.0.2.1:80 -r 10.0.0.1 -m", "-C -t 192.0.2.1:80", "-C -n", "-C --exact --tun-info --mcast-ttl 3", "-R -n", "-S -t 192.0.2.1:80", "-S --nosort", "-S --syncid 3",
	"-Z -n", "-Z -r 10.0.0.1", "-Z --exact", "-L -w 5 -n -x 3", "-L --mcast-port 7 --sync-maxlen 9", "-L --tun-type gue", "--set 1 2 3 -n", "--set -n 1 2 3",
	"--start-daemon master -n", "--start-daemon master --exact", "--stop-daemon master --mcast-interface lo", "--stop-daemon master -t 192.0.2.1:80",
	// Options given twice.
	"-A -t 192.0.2.9:80 -t 192.0.2.8:80", "-A -t 192.0.2.9:80 -u 192.0.2.8:80", "-A -f 9 -t 192.0.2.9:80", "-A -t 192.0.2.9:80 -s rr -s wlc",
	"-A -t 192.0.2.9:80 -p 5 -p 6", "-a -t 192.0.2.1:80 -r 10.0.0.8 -r 10.0.0.9", "-a -t 192.0.2.1:80 -r 10.0.0.9 -w 1 -w 2",
	"-a -t 192.0.2.1:80 -r 10.0.0.9 -g -m", "-a -t 192.0.2.1:80 -r 10.0.0.9 -m -m", "-L -n -n", "-L --stats --stats",
	"-a -t 192.0.2.1:80 -r 10.0.0.9 -i --tun-type gue --tun-port 80 --tun-type gre",
	// Lists that conflict.
	"-L -c -t 192.0.2.1:80", "-L -c --timeout", "-L --timeout -t 192.0.2.1:80", "-L --daemon --timeout", "-L --daemon -c", "-L --daemon -t 192.0.2.1:80",
	"-L -c --stats", "-L -c --rate", "-L -c --thresholds", "-L --timeout --stats", "-L --timeout --persistent-conn", "-L --daemon --thresholds",
	"-L -c --timeout --daemon", "-L -t 192.0.2.1:80 --timeout --daemon", "-L -c --stats --timeout",
	// Services.
	"-A -t 192.0.2.9", "-A -t 192.0.2.9:0", "-A -t 192.0.2.9:", "-A -t :80", "-A -t ''", "-A -t 192.0.2.9:99999", "-A -t 192.0.2.9:abc", "-A -t 192.0.2.9:HTTP",
	"-A -t 192.0.2.9:0x50", "-A -t 300.0.0.1:80", "-A -t 192.0.2.08:80", "-A -t 192.0.2.9x:80", "-A -t 192.0.2.9:80:80", "-A -t 1.2.3.4.5:80",
	"-A -t nosuch.invalid:80", "-A -u 192.0.2.9:http", "-A --sctp-service 192.0.2.9:http", "-A -t 2001:db8::9", "-A -t ::1:80", "-A -t [2001:db8::9]",
	"-A -t [2001:db8::9:80", "-A -t [2001:db8::9]80", "-A -t [2001:db8::9]:", "-A -t [192.0.2.9]:80", "-A -t [fe80::1%lo]:80", "-A -t 192.0.2.9 -o",
	"-A -t 192.0.2.9:80 -o", "-A --sctp-service 192.0.2.9:80 -o", "-A -t 192.0.2.9:301 -o -w 3",
	"-A -f 0", "-A -f -1", "-A -f abc", "-A -f 0x10", "-A -f 7x", "-A -f 4294967296", "-A -f ''", "-A -t 192.0.2.9:80 -6", "-A -6 -f 16", "-L -6", "-Z -t 192.0.2.1:80 -6",
	"-A -t 192.0.2.9:80 -p 0", "-A -t 192.0.2.9:80 -p abc", "-A -t 192.0.2.9:80 -pabc", "-A -t 192.0.2.9:80 -p 2678401", "-A -t 192.0.2.9:80 -p 99999999999", "-A -t 192.0.2.9:80 -p ''",
	"-A -t 192.0.2.9:80 --persistent=", "-A -t 192.0.2.9:80 -p 30 -M abc", "-A -t 192.0.2.9:80 -M ''", "-A -t 192.0.2.9:80 -M 255.255.255.0.0",
	"-A -t [2001:db8::9]:80 -p 30 -M 0", "-A -t [2001:db8::9]:80 -p 30 -M 129", "-A -t [2001:db8::9]:80 -p 30 -M abc",
	"-A -t [2001:db8::9]:80 -p 30 -M 255.255.255.0", "-A -f 9 -6 -p -M 255.0.0.0", "-A -t 192.0.2.9:80 -s rr -b nosuch", "-A -t 192.0.2.9:80 -s rr -b flag-1,nosuch",
	"-A -t 192.0.2.9:80 -s rr -b sh-port", "-A -t 192.0.2.9:80 -s mh -b sh-port", "-A -t 192.0.2.9:80 -s sh -b mh-port", "-A -t 192.0.2.9:80 -b sh-fallback",
	"-A -t 192.0.2.9:80 -s sh -b FLAG-1", "-A -t 192.0.2.9:80 -s rr -b flag-4", "-A -w 3 -s nosuch -t 300.1.1.1:80", "-A -t 192.0.2.9:80 -w abc",
	// Servers.
	"-a -t 192.0.2.1:80 -r 10.0.0.300", "-a -t 192.0.2.1:80 -r ''", "-a -t 192.0.2.1:80 -r :80", "-a -t 192.0.2.1:80 -r 10.0.0.9:99999", "-a -r 10.0.0.9:http -t 192.0.2.1:80 -m",
	"-a -f 5 -r [2001:db8::1]", "-a -t 192.0.2.1:80 -r 10.0.0.9 -w abc", "-a -t 192.0.2.1:80 -r 10.0.0.9 -w -1", "-a -t 192.0.2.1:80 -r 10.0.0.9 -w 2147483648",
	"-a -t 192.0.2.1:80 -r 10.0.0.9 -w 0x10", "-a -t 192.0.2.1:80 -r 10.0.0.9 -w ''", "-a -t 192.0.2.1:80 -r 10.0.0.9 -w 99999999999999999999",
	"-a -t 192.0.2.1:80 -r 10.0.0.9 -x -1", "-a -t 192.0.2.1:80 -r 10.0.0.9 -x 2147483648", "-a -t 192.0.2.1:80 -r 10.0.0.9 -y abc",
	"-a -t 192.0.2.1:80 -r [2001:db8::9]:80", "-a -t 192.0.2.1:80 -r [2001:db8::9]:80 -m", "-a -f 6 -6 -r 10.0.0.9 -g", "-a -f 5 -r [2001:db8::1]:80",
	"-a -t 192.0.2.1:80 -r [2001:db8::9]:80 -m --tun-type gue", "-a -t 192.0.2.1:80 -m --tun-type gue", "-a -t 192.0.2.1:80 -r 10.0.0.9 -m --tun-type gue --tun-port 6080",
	"-a -t 192.0.2.1:80 -r 10.0.0.9 --tun-csum", "-a -t 192.0.2.1:80 -r 10.0.0.9 -i --tun-type gue", "-a -t 192.0.2.1:80 -r 10.0.0.9 -i --tun-type nosuch",
	"-a -t 192.0.2.1:80 -r 10.0.0.9 -i --tun-type GUE --tun-port 5", "-a -t 192.0.2.1:80 -r 10.0.0.9 -i --tun-type ''", "-a -t 192.0.2.1:80 -r 10.0.0.9 -i --tun-type gue --tun-port 0",
	"-a -t 192.0.2.1:80 -r 10.0.0.9 -i --tun-type gue --tun-port 65536", "-a -t 192.0.2.1:80 -r 10.0.0.9 -i --tun-port 6080", "-a -t 192.0.2.1:80 -r 10.0.0.9 -i --tun-csum",
	"-a -t 192.0.2.1:80 -r 10.0.0.9 -i --tun-nocsum", "-a -t 192.0.2.1:80 -r 10.0.0.9 -i --tun-remcsum", "-a -t 192.0.2.1:80 -r 10.0.0.9 -i --tun-port 1 --tun-csum",
	"-a -t 192.0.2.1:80 -r 10.0.0.9 -i --tun-type gre --tun-remcsum", "-a -t 192.0.2.1:80 -r 10.0.0.9 -i --tun-type gre --tun-port 6080",
	"-a -t 192.0.2.1:80 -r 10.0.0.9 -i --tun-type gre --tun-csum --tun-nocsum", "-a -t 192.0.2.1:80 -r 10.0.0.9 -i --tun-type gue --tun-port 1 --tun-csum --tun-remcsum",
	"-a -t 192.0.2.1:80 -r 10.0.0.9 -i --tun-type gue --tun-port 1 --tun-remcsum --tun-nocsum",
	// Daemons and timeouts.
	"--start-daemon foo", "--start-daemon Master", "--stop-daemon foo", "--start-daemon master --syncid 256", "--start-daemon master --syncid -1",
	"--start-daemon master --syncid abc", "--start-daemon master --sync-maxlen 0", "--start-daemon master --sync-maxlen 65508", "--start-daemon master --mcast-port 0",
	"--start-daemon master --mcast-port 65536", "--start-daemon master --mcast-ttl 0", "--start-daemon master --mcast-ttl 256",
	"--start-daemon master --mcast-group 10.0.0.1", "--start-daemon master --mcast-group abc", "--start-daemon master --mcast-group ''",
	"--start-daemon master --mcast-group fe80::1", "--set", "--set 1", "--set 1 2", "--set 1 2 3 4", "--set abc 1 2", "--set '' 1 2", "--set 1x 1 2", "--set 1 2 x", "--set 2678401 2 3",
}, refusedCommands...)

// refusedCommands are those that the kernel refuses.
var refusedCommands = []string{
	"-A -t 192.0.2.1:80", "-A -t 192.0.2.1:http -s rr", "-A -f 5", "-A -t 192.0.2.9:80 -s nosuch", "-A -t 192.0.2.9:80 -s RR", "-A -t 192.0.2.9:80 -s aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	"-A -t 192.0.2.9:80 -p --pe nosuch", "-A -t 192.0.2.9:80 -p --pe aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "-E -t 192.0.2.9:80", "-E -t 192.0.2.1:80 -s nosuch", "-D -t 192.0.2.9:80", "-D -f 6", "-D -t 192.0.2.1",
	"-a -t 192.0.2.1:80 -r 10.0.0.1", "-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -g", "-a -t 192.0.2.9:80 -r 10.0.0.1", "-a -f 6 -r 10.0.0.1 -i", "-e -t 192.0.2.9:80 -r 10.0.0.1",
	"-e -t 192.0.2.1:80 -r 10.0.0.9", "-d -t 192.0.2.9:80 -r 10.0.0.1", "-d -t 192.0.2.1:80 -r 10.0.0.9", "-d -t 192.0.2.1:80 -r 10.0.0.1:8080", "-d -t 192.0.2.1:80 -r [2001:db8::9]:80",
	"-e -t 192.0.2.1:80 -r 10.0.0.1 -x 5 -y 6", "-a -t 192.0.2.1:80 -r 10.0.0.9 -y 10", "-Z -t 192.0.2.9:80", "-L -t 192.0.2.9:80", "-L -f 6", "-L -t 192.0.2.1", "-L -f 5 -6 -n --stats",
	"--stop-daemon master", "--stop-daemon backup --syncid 4",
}

// badInputs are inputs of Restore, with what is left of the base table and what it adds.
var badInputs = []string{
	"", "\n", "   \n\n", "# comment\n-A -t 192.0.2.9:80\n", "-A -t 192.0.2.9:80\nfoo\n-A -t 192.0.2.10:80\n", "-A -t 192.0.2.9:80\n-Q\n-A -t 192.0.2.10:80\n",
	"-A -t 192.0.2.9:80 -Q\n-A -t 192.0.2.10:80\n", "-A -t 300.0.0.1:80\n-A -t 192.0.2.10:80\n", "-A -t 192.0.2.1:80\n-A -t 192.0.2.10:80\n",
	"-A -t 192.0.2.10:80\n-A -t 192.0.2.1:80\n", "-A -t 192.0.2.1:80\n-A -t 192.0.2.1:80\n", "-a -t 192.0.2.9:80 -r 10.0.0.1\n-D -t 192.0.2.9:80\n-A -t 192.0.2.10:80 -s rr\n",
	"-L -n\n-A -t 192.0.2.10:80\n-S -n\n", "-L -t 192.0.2.9:80\n-A -t 192.0.2.10:80\n", "-R\n-A -t 192.0.2.10:80\n", "-A -t 192.0.2.9:80\n-h\n-A -t 192.0.2.10:80\n", "-C\n-A -t 192.0.2.10:80\n",
	"ipvsadm\n-A -t 192.0.2.10:80\n", "ipvsadm ipvsadm -A -t 192.0.2.10:80", "ipvsadmx -A -t 192.0.2.10:80\n", "/sbin/ipvsadm -A -t 192.0.2.10:80\n", "ipvsadm -A -t 192.0.2.10:80 # comment\n-A -t 192.0.2.9:80\n",
	"-A -t \"192.0.2.9:80\"\n-A -t 192.0.2.10:80\n", "-A -t 192.0.2.9:80 -s 'rr'\n-A -t 192.0.2.10:80\n", "-A -t 192.0.2.9:80 \\\n -s rr\n", "-A -t 192.0.2.9:80\r\n-A -t 192.0.2.10:80\r\n",
	"-A\t-t  192.0.2.9:80\t -s   rr", "-A -t 192.0.2.9:80\v-s\frr\n", "-Z\n--set 10 20 30\n-L --timeout\n--set 900 120 300\n", "-a -f 5 -r 10.0.0.9 -m\n-e -f 5 -r 10.0.0.9 -m -w 3\n-L -n -f 5\n-d -f 5 -r 10.0.0.9\n",
	"-A -t 192.0.2.9:80 ipvsadm -s rr\n",
}
