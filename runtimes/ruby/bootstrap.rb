# frozen_string_literal: true

# The Ruby runtime client: fetches invocations from the Runtime API, calls the handler, posts what it returns.
#
# Speaks HTTP/1.1 over one kept socket by hand: net/http takes tens of milliseconds to load.

require 'json'
require 'socket'

module Cumulet
  # The limit of the Runtime API: 6 MiB and 100 bytes.
  MAX_RESPONSE = 6_291_556
  API = '/2018-06-01/'

  # One kept connection to the Runtime API.
  class RuntimeClient
    def initialize(address)
      @address = address
      @socket = nil
    end

    def next
      status, headers, body = exchange("GET #{API}runtime/invocation/next")
      raise "the Runtime API answered #{status} to next" unless status == 200

      [headers, body]
    end

    # Waits until it is known for which function we run; gives its variables.
    def park
      status, _, body = exchange("GET #{API}park")
      exit(0) unless status == 200
      JSON.parse(body)
    end

    def respond(id, body, type)
      exchange("POST #{API}runtime/invocation/#{id}/response", body, "Content-Type: #{type}\r\n")
    end

    def fail(path, document)
      type = document[:errorType].delete('^!-~')[0, 128]
      exchange("POST #{API}runtime/#{path}", JSON.generate(document),
               "Content-Type: application/json\r\nLambda-Runtime-Function-Error-Type: #{type}\r\n")
    end

    private

    def exchange(request, body = nil, headers = '')
      connect unless @socket
      head = "#{request} HTTP/1.1\r\nHost: #{@address}\r\n#{headers}"
      head += "Content-Length: #{body.bytesize}\r\n" if body
      @socket.write("#{head}\r\n".b + (body || '').b)
      read
    end

    def connect
      host, port = @address.split(':')
      @socket = TCPSocket.new(host, port.to_i)
      @socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
    end

    def read
      status = line.split(' ', 3)[1].to_i
      headers = {}
      until (text = line).empty?
        name, value = text.split(':', 2)
        headers[name.downcase] = value.strip
      end
      length = headers.fetch('content-length', '0').to_i
      body = length.zero? ? '' : @socket.read(length)
      raise 'the Runtime API closed the connection' if body.nil? || body.bytesize < length

      if headers['connection']&.casecmp?('close')
        @socket.close
        @socket = nil
      end
      [status, headers, body.force_encoding(Encoding::UTF_8)]
    end

    def line
      text = @socket.gets("\r\n")
      raise 'the Runtime API closed the connection' unless text

      text.chomp("\r\n")
    end
  end

  # What a handler gets as `context`.
  class LambdaContext
    attr_reader :aws_request_id, :invoked_function_arn, :log_group_name, :log_stream_name, :function_name,
                :memory_limit_in_mb, :function_version, :identity, :client_context, :deadline_ms, :tenant_id

    def initialize(headers)
      @aws_request_id = headers['lambda-runtime-aws-request-id']
      @invoked_function_arn = headers['lambda-runtime-invoked-function-arn']
      @deadline_ms = headers['lambda-runtime-deadline-ms'].to_i
      @tenant_id = headers['lambda-runtime-aws-tenant-id']
      @log_group_name = ENV['AWS_LAMBDA_LOG_GROUP_NAME']
      @log_stream_name = ENV['AWS_LAMBDA_LOG_STREAM_NAME']
      @function_name = ENV['AWS_LAMBDA_FUNCTION_NAME']
      @function_version = ENV['AWS_LAMBDA_FUNCTION_VERSION']
      @memory_limit_in_mb = ENV['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'].to_i
      @identity = parsed(headers['lambda-runtime-cognito-identity'])
      @client_context = parsed(headers['lambda-runtime-client-context'])
    end

    def get_remaining_time_in_millis
      [0, @deadline_ms - Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond)].max
    end

    private

    def parsed(json)
      json && !json.empty? ? JSON.parse(json) : nil
    end
  end

  # Finds `file.method` or `file.Module::Class.method` among the function's files.
  class Handler
    def initialize(name)
      file, *path = (name || '').split('.')
      raise ArgumentError, "Invalid handler #{name}, must be of form FILENAME.METHOD or FILENAME.CLASS.METHOD where FILENAME corresponds with an existing Ruby source file FILENAME.rb, CLASS is an optional module/class namespace and METHOD is a callable method. If using CLASS, METHOD must be a class-level method." unless path.length.between?(1, 2)

      @method = path.pop.to_sym
      @class_name = path.pop
      @file = file
    end

    def load
      require @file.start_with?('/') ? @file : File.join(ENV.fetch('LAMBDA_TASK_ROOT', '/var/task'), @file)
      @target = @class_name ? Object.const_get(@class_name) : TOPLEVEL_BINDING.receiver
      return if @target.respond_to?(@method, @class_name.nil?)

      raise NameError, "undefined method `#{@method}' for #{@class_name || 'main:Object'}"
    end

    def call(event, context)
      @target.__send__(@method, event: event, context: context)
    end
  end

  module_function

  # The error document. `origin` says whose failure it is: Function or Init.
  def describe(error, origin)
    trace = (error.backtrace || []).reject { |frame| frame.start_with?(__FILE__) || frame.include?('<internal:') }
    { errorMessage: error.message.dup.force_encoding(Encoding::UTF_8).scrub, errorType: "#{origin}<#{error.class}>",
      stackTrace: trace.map { |frame| frame.dup.force_encoding(Encoding::UTF_8).scrub } }
  end

  # One event of the log: a carriage return keeps its lines together.
  def log_error(message, document)
    text = "#{message}: #{document[:errorMessage]} (#{document[:errorType]})"
    $stdout.puts [text, *document[:stackTrace]].join("\n").gsub("\n", "\r")
  end

  # What is posted for a handler's result, and its media type.
  def marshal(result)
    case result
    when StringIO, IO then [result.read, 'application/octet-stream']
    else [JSON.generate(result), 'application/json']
    end
  end

  def serve(client, handler)
    loop do
      headers, body = client.next
      id = headers['lambda-runtime-aws-request-id']
      ENV['_X_AMZN_TRACE_ID'] = headers['lambda-runtime-trace-id']
      begin
        answer, type = marshal(handler.call(JSON.parse(body), LambdaContext.new(headers)))
      rescue NoMemoryError, SystemExit
        raise
      rescue Exception => e # rubocop:disable Lint/RescueException
        document = describe(e, 'Function')
        log_error('Error raised from handler method', document)
        client.fail("invocation/#{id}/error", document)
        next
      end
      if answer.bytesize > MAX_RESPONSE
        client.fail("invocation/#{id}/error",
                    { errorMessage: "Response payload size exceeded maximum allowed payload size (#{MAX_RESPONSE} bytes).",
                      errorType: 'Function.ResponseSizeTooLarge', stackTrace: [] })
      else
        client.respond(id, answer, type)
      end
    end
  end

  # Does beforehand what every function needs; then becomes the function.
  def park(client)
    require 'stringio'
    JSON.generate(JSON.parse('{"a": [1, 2.5, null, "x"]}'))
    ENV.replace(client.park)
    Gem.clear_paths
  end

  # Gems of the package (`bundle install --path vendor/bundle`) and of layers.
  def find_gems(root)
    folders = Dir["#{root}/vendor/bundle/ruby/*", '/opt/ruby/gems/*']
    Gem.paths = { 'GEM_PATH' => (folders + Gem.path).join(':') } unless folders.empty?
  end

  def main
    $stdout.sync = true
    $stderr.sync = true
    client = RuntimeClient.new(ENV.fetch('AWS_LAMBDA_RUNTIME_API'))
    park(client) if ENV['_CUMULET_PARKED']
    require 'stringio'
    root = ENV.fetch('LAMBDA_TASK_ROOT', '/var/task')
    $LOAD_PATH.unshift(root, File.join(root, 'lib'), '/opt/ruby/lib')
    find_gems(root)
    begin
      handler = Handler.new(ENV['_HANDLER'])
      handler.load
    rescue SystemExit
      raise
    rescue Exception => e # rubocop:disable Lint/RescueException
      document = describe(e, 'Init')
      log_error('Init error when loading handler', document)
      client.fail('init/error', document)
      exit(1)
    end
    serve(client, handler)
  end
end

Cumulet.main
