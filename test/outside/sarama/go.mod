module millrace/outside/sarama

go 1.25.0

require github.com/IBM/sarama v1.61.1
